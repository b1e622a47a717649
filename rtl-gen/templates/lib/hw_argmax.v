// Argmax (numerics, section 8): the lowest index of the greatest logit, 1 + max(1, ceil(log4 V)) cycles after the
// last beat.
`include "hw_check.vh"
module hw_argmax #(
  parameter V = 8,               // lanes: elements a beat
  parameter LEN = 512,           // logits of a token
  parameter IB = 16,             // bits of a logit
  parameter IDW = 9              // bits of a logit's index
) (
  input clk,                     // clock: registers change at its rising edge
  input rst,                     // reset: synchronous, active high
  input in_valid,                // a beat is on in_data
  input [V*IB-1:0] in_data,      // V logits of IB bits, signed, lane 0 lowest
  output out_valid,              // for one cycle: the token of the vector is on the outputs
  output [IDW-1:0] out_id,       // index of the greatest logit, the lowest of equals
  output signed [IB-1:0] out_logit     // that logit, signed
);
  `HW_REQUIRE((1 << IDW) >= LEN, hw_argmax_IDW_is_too_small_for_LEN)
  localparam BEATS = (LEN + V - 1) / V;
  localparam BW = $clog2(BEATS + 1);
  localparam LEVELS = (V > 4) ? ($clog2(V) + 1) / 2 : 1;
  localparam signed [IB-1:0] LEAST = {1'b1, {(IB-1){1'b0}}};
  localparam CB = IDW + IB;       // bits of a candidate: its index and, above it, its logit
  // The candidate with the greater logit; of equals the first.
  function [CB-1:0] better;
    input [CB-1:0] a, b;
    better = ($signed(b[IDW +: IB]) > $signed(a[IDW +: IB])) ? b : a;
  endfunction
  // The lanes of beat `at`. Padding never wins: formats are symmetric, no logit is LEAST.
  function [V*CB-1:0] lanes;
    input [V*IB-1:0] beat;
    input [BW-1:0] at;
    reg [IDW-1:0] id;
    integer l;
    for (l = 0; l < V; l = l + 1) begin
      id = at * V + l;
      lanes[l*CB +: CB] = {(at * V + l < LEN) ? beat[l*IB +: IB] : LEAST, id};
    end
  endfunction

  reg [BW-1:0] count_q;
  reg [LEVELS:1] valid_q, first_q, last_q;
  wire [LEVELS:0] valid = {valid_q, in_valid};
  wire [LEVELS:0] first = {first_q, count_q == 0};
  wire [LEVELS:0] last = {last_q, count_q == BEATS - 1};
  wire [CB-1:0] best;            // of a beat
  reg out_valid_q;
  reg [CB-1:0] best_q;           // of the token so far
  assign out_valid = out_valid_q;
  assign out_id = best_q[IDW-1:0];
  assign out_logit = best_q[IDW +: IB];
  genvar n;
  generate
    for (n = 0; n < LEVELS; n = n + 1) begin : stage
      localparam FROM = (V + 4**n - 1) / 4**n;
      localparam TO = (V + 4**(n+1) - 1) / 4**(n+1);
      reg [TO*CB-1:0] left_q;    // candidates that are left
      // The better of two pairs of every four; where there is no fourth, the first again.
      function [TO*CB-1:0] left;
        input [FROM*CB-1:0] of;
        reg [4*CB-1:0] four;
        integer i, j;
        for (i = 0; i < TO; i = i + 1) begin
          for (j = 0; j < 4; j = j + 1) four[j*CB +: CB] = of[((4*i+j < FROM) ? 4*i+j : 4*i)*CB +: CB];
          left[i*CB +: CB] = better(better(four[0 +: CB], four[CB +: CB]), better(four[2*CB +: CB], four[3*CB +: CB]));
        end
      endfunction
      if (n == 0) begin : first_stage
        always @(posedge clk) if (valid[n]) left_q <= left(lanes(in_data, count_q));
      end else begin : later_stage
        always @(posedge clk) if (valid[n]) left_q <= left(stage[n-1].left_q);
      end
    end
  endgenerate
  assign best = stage[LEVELS-1].left_q;

  always @(posedge clk) begin
    out_valid_q <= valid[LEVELS] && last[LEVELS];
    if (valid[LEVELS]) best_q <= first[LEVELS] ? best : better(best_q, best);
    valid_q <= valid[LEVELS-1:0];
    first_q <= first[LEVELS-1:0];
    last_q <= last[LEVELS-1:0];
    if (in_valid) count_q <= (count_q == BEATS - 1) ? 0 : count_q + 1;
    if (rst) begin
      count_q <= 0; valid_q <= 0; out_valid_q <= 0;
    end
  end
endmodule
