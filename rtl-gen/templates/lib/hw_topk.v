// The K greatest logits, greatest first, equal ones by index. Every lane keeps its own K by insertion as logits pass; then K
// rounds compare the lanes' heads. Result i leaves (C + 1)(i + 1) + 1 cycles after the last beat, C = max(1, ceil(log4 V)).
`include "hw_check.vh"
module hw_topk #(
  parameter V = 8,               // lanes: elements a beat
  parameter LEN = 512,           // logits of a token
  parameter IB = 16,             // bits of a logit
  parameter IDW = 9,             // bits of a logit's index
  parameter K = 4,               // logits to give
  parameter KW = 2               // bits of a rank
) (
  input clk,                     // clock: registers change at its rising edge
  input rst,                     // reset: synchronous, active high
  input in_valid,                // a beat is on in_data
  input [V*IB-1:0] in_data,      // V logits of IB bits, signed, lane 0 lowest
  output out_valid,              // a result is on the outputs
  output [KW-1:0] out_rank,      // its rank, from 0
  output [IDW-1:0] out_id,       // its index
  output signed [IB-1:0] out_logit     // the logit, signed
);
  `HW_REQUIRE((1 << KW) >= K, hw_topk_KW_is_too_small_for_K)
  `HW_REQUIRE((1 << IDW) >= LEN, hw_topk_IDW_is_too_small_for_LEN)
  localparam BEATS = (LEN + V - 1) / V;
  localparam BW = $clog2(BEATS + 1);
  localparam LEVELS = (V > 4) ? ($clog2(V) + 1) / 2 : 1;
  localparam LW = $clog2(LEVELS + 2);
  localparam signed [IB-1:0] LEAST = {1'b1, {(IB-1){1'b0}}};
  localparam EB = IDW + IB;       // bits of an entry: its index and, above it, its logit
  localparam FB = (V > 1) ? $clog2(V) : 1;
  localparam CB = EB + FB;       // bits of a candidate: an entry and, above it, its lane
  // A lane's K entries, the best lowest, with a newcomer: it pushes those that it is better than down by one.
  function [K*EB-1:0] inserted;
    input [K*EB-1:0] kept;
    input signed [IB-1:0] one;
    input [IDW-1:0] id;
    reg above, above_before;
    integer r;
    begin
      above_before = 0;
      for (r = 0; r < K; r = r + 1) begin
        above = one > $signed(kept[r*EB+IDW +: IB]);
        inserted[r*EB +: EB] = !above ? kept[r*EB +: EB] : above_before ? kept[((r>0)?r-1:0)*EB +: EB] : {one, id};
        above_before = above;
      end
    end
  endfunction
  function [V*K*EB-1:0] with_beat;
    input [V*K*EB-1:0] kept;
    input [V*IB-1:0] beat;
    input [BW-1:0] at;
    reg [IDW-1:0] id;
    integer l;
    for (l = 0; l < V; l = l + 1) begin
      id = at * V + l;
      with_beat[l*K*EB +: K*EB] = inserted((at == 0) ? {K{LEAST, {IDW{1'b1}}}} : kept[l*K*EB +: K*EB],
        (at * V + l < LEN) ? beat[l*IB +: IB] : LEAST, id);
    end
  endfunction
  // Every lane's best.
  function [V*CB-1:0] heads;
    input [V*K*EB-1:0] kept;
    reg [FB-1:0] lane;
    integer l;
    for (l = 0; l < V; l = l + 1) begin
      lane = l;
      heads[l*CB +: CB] = {lane, kept[l*K*EB +: EB]};
    end
  endfunction
  // Without its best.
  function [K*EB-1:0] without;
    input [K*EB-1:0] kept;
    integer r;
    begin
      without = kept;
      for (r = 0; r < K - 1; r = r + 1) without[r*EB +: EB] = kept[(r+1)*EB +: EB];
      without[(K-1)*EB+IDW +: IB] = LEAST;
    end
  endfunction
  // The best of four. Every pair meets at once; of equal logits the lower index is the better.
  function [CB-1:0] best_of;
    input [4*CB-1:0] four;
    reg [15:0] later;            // 4 a + b: of candidates a and b, b is the better
    integer a, b;
    begin
      for (a = 0; a < 4; a = a + 1) for (b = a + 1; b < 4; b = b + 1)
        later[4*a+b] = $signed({four[b*CB+IDW +: IB], ~four[b*CB +: IDW]}) > $signed({four[a*CB+IDW +: IB], ~four[a*CB +: IDW]});
      best_of = (!later[1] && !later[2] && !later[3]) ? four[0 +: CB] : (!later[6] && !later[7]) ? four[CB +: CB]
        : !later[11] ? four[2*CB +: CB] : four[3*CB +: CB];
    end
  endfunction

  reg [BW-1:0] count_q;
  reg [V*K*EB-1:0] best_q;       // the entries of every lane
  reg merging_q;
  reg [LW-1:0] level_q;          // comparison of the round
  reg [KW-1:0] rank_q;           // round
  wire [CB-1:0] winner;
  reg out_valid_q;
  reg [KW-1:0] out_rank_q;
  reg [EB-1:0] out_q;
  assign out_valid = out_valid_q;
  assign out_rank = out_rank_q;
  assign out_id = out_q[IDW-1:0];
  assign out_logit = out_q[IDW +: IB];
  genvar n;
  generate
    for (n = 0; n < LEVELS; n = n + 1) begin : stage
      localparam FROM = (V + 4**n - 1) / 4**n;
      localparam TO = (V + 4**(n+1) - 1) / 4**(n+1);
      reg [TO*CB-1:0] left_q;    // candidates that are left
      // Where there is no fourth, the first again.
      function [TO*CB-1:0] left;
        input [FROM*CB-1:0] of;
        reg [4*CB-1:0] four;
        integer i, j;
        for (i = 0; i < TO; i = i + 1) begin
          for (j = 0; j < 4; j = j + 1) four[j*CB +: CB] = of[((4*i+j < FROM) ? 4*i+j : 4*i)*CB +: CB];
          left[i*CB +: CB] = best_of(four);
        end
      endfunction
      if (n == 0) begin : first_stage
        always @(posedge clk) if (merging_q && level_q == n) left_q <= left(heads(best_q));
      end else begin : later_stage
        always @(posedge clk) if (merging_q && level_q == n) left_q <= left(stage[n-1].left_q);
      end
    end
  endgenerate
  assign winner = stage[LEVELS-1].left_q;

  integer l;
  always @(posedge clk) begin
    out_valid_q <= 0;
    if (merging_q && level_q == LEVELS) begin
      out_valid_q <= 1;
      out_rank_q <= rank_q;
      out_q <= winner[EB-1:0];
      for (l = 0; l < V; l = l + 1) if (winner[EB +: FB] == l) best_q[l*K*EB +: K*EB] <= without(best_q[l*K*EB +: K*EB]);
      level_q <= 0;
      rank_q <= rank_q + 1;
      if (rank_q == K - 1) merging_q <= 0;
    end else if (merging_q) level_q <= level_q + 1;
    if (in_valid) begin
      best_q <= with_beat(best_q, in_data, count_q);
      count_q <= (count_q == BEATS - 1) ? 0 : count_q + 1;
      if (count_q == BEATS - 1) begin
        merging_q <= 1;
        level_q <= 0;
        rank_q <= 0;
      end
    end
    if (rst) begin
      count_q <= 0; merging_q <= 0; out_valid_q <= 0;
    end
  end
endmodule
