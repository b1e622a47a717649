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
  output reg out_valid,          // a result is on the outputs
  output reg [KW-1:0] out_rank,  // its rank, from 0
  output reg [IDW-1:0] out_id,   // its index
  output reg signed [IB-1:0] out_logit // the logit, signed
);
  `HW_REQUIRE((1 << KW) >= K, hw_topk_KW_is_too_small_for_K)
  `HW_REQUIRE((1 << IDW) >= LEN, hw_topk_IDW_is_too_small_for_LEN)
  localparam BEATS = (LEN + V - 1) / V;
  localparam BW = $clog2(BEATS + 1);
  localparam LEVELS = (V > 4) ? ($clog2(V) + 1) / 2 : 1;
  localparam LW = $clog2(LEVELS + 2);
  localparam signed [IB-1:0] LEAST = {1'b1, {(IB-1){1'b0}}};
  reg [BW-1:0] count;
  reg signed [IB-1:0] best [0:V*K-1];
  reg [IDW-1:0] best_id [0:V*K-1];
  reg signed [IB-1:0] x [0:(LEVELS+1)*V-1], one;
  reg [IDW-1:0] id [0:(LEVELS+1)*V-1];
  reg [31:0] from [0:(LEVELS+1)*V-1];
  reg merging;
  reg [LW-1:0] level;
  reg [KW-1:0] rank;
  reg above, above_before;
  reg signed [IB-1:0] one_x [0:3];
  reg [IDW-1:0] one_id [0:3];
  reg [31:0] one_from [0:3];
  reg [15:0] later;              // 4 a + b: of candidates a and b, b is the better
  integer n, i, j, l, r, a, b;
  // Candidate j of entry i of stage n; where there is none, the first again.
  function integer at;
    input integer n, i, j;
    at = (n-1)*V + 4*i + ((4*i + j < ((V + (1 << (2*n-2)) - 1) >> (2*n-2))) ? j : 0);
  endfunction

  always @(posedge clk) begin
    out_valid <= 0;
    if (merging && level == LEVELS) begin
      out_valid <= 1;
      out_rank <= rank;
      out_id <= id[LEVELS*V];
      out_logit <= x[LEVELS*V];
      for (l = 0; l < V; l = l + 1)
        if (from[LEVELS*V] == l) begin
          for (r = 0; r < K - 1; r = r + 1) begin
            best[l*K+r] = best[l*K+r+1];
            best_id[l*K+r] = best_id[l*K+r+1];
          end
          best[l*K+K-1] = LEAST;
        end
      level <= 0;
      rank <= rank + 1;
      if (rank == K - 1) merging <= 0;
    end else if (merging) begin
      level <= level + 1;
      for (n = 1; n <= LEVELS; n = n + 1)
        if (level == n - 1) begin
          if (n == 1) for (l = 0; l < V; l = l + 1) begin
            x[l] = best[l*K];
            id[l] = best_id[l*K];
            from[l] = l;
          end
          for (i = 0; i < ((V + (1 << (2*n)) - 1) >> (2*n)); i = i + 1) begin
            for (j = 0; j < 4; j = j + 1) begin
              one_x[j] = x[at(n, i, j)];
              one_id[j] = id[at(n, i, j)];
              one_from[j] = from[at(n, i, j)];
            end
            // Every pair meets at once. Of equal logits the lower index is the better.
            for (a = 0; a < 4; a = a + 1) for (b = a + 1; b < 4; b = b + 1)
              later[4*a+b] = $signed({one_x[b], ~one_id[b]}) > $signed({one_x[a], ~one_id[a]});
            j = (!later[1] && !later[2] && !later[3]) ? 0 : (!later[6] && !later[7]) ? 1 : !later[11] ? 2 : 3;
            x[n*V+i] = one_x[j];
            id[n*V+i] = one_id[j];
            from[n*V+i] = one_from[j];
          end
        end
    end
    if (in_valid) begin
      count <= (count == BEATS - 1) ? 0 : count + 1;
      if (count == BEATS - 1) begin
        merging <= 1;
        level <= 0;
        rank <= 0;
      end
      for (l = 0; l < V; l = l + 1) begin
        one = (count * V + l < LEN) ? $signed(in_data[l*IB +: IB]) : LEAST;
        if (count == 0) for (r = 0; r < K; r = r + 1) begin
          best[l*K+r] = LEAST;
          best_id[l*K+r] = {IDW{1'b1}};
        end
        // From the back: a better newcomer pushes the rest down by one.
        for (r = K - 1; r >= 0; r = r - 1) begin
          above = one > best[l*K+r];
          above_before = (r > 0) ? one > best[l*K+((r > 0) ? r-1 : 0)] : 0;
          if (above && above_before) begin
            best[l*K+r] = best[l*K+r-1];
            best_id[l*K+r] = best_id[l*K+r-1];
          end else if (above) begin
            best[l*K+r] = one;
            best_id[l*K+r] = count * V + l;
          end
        end
      end
    end
    if (rst) begin
      count <= 0; merging <= 0; out_valid <= 0;
    end
  end
endmodule
