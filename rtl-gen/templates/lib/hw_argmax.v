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
  output reg out_valid,          // for one cycle: the token of the vector is on the outputs
  output reg [IDW-1:0] out_id,   // index of the greatest logit, the lowest of equals
  output reg signed [IB-1:0] out_logit // that logit, signed
);
  `HW_REQUIRE((1 << IDW) >= LEN, hw_argmax_IDW_is_too_small_for_LEN)
  localparam BEATS = (LEN + V - 1) / V;
  localparam BW = $clog2(BEATS + 1);
  localparam LEVELS = (V > 4) ? ($clog2(V) + 1) / 2 : 1;
  localparam signed [IB-1:0] LEAST = {1'b1, {(IB-1){1'b0}}};
  reg [BW-1:0] count;
  reg [LEVELS:1] v_q, first_q, last_q;
  wire [LEVELS:0] v = {v_q, in_valid};
  wire [LEVELS:0] first = {first_q, count == 0};
  wire [LEVELS:0] last = {last_q, count == BEATS - 1};
  // Level n has ceil(V / 4^n) candidates; level 0 is the input.
  reg signed [IB-1:0] x [0:(LEVELS+1)*V-1];
  reg [IDW-1:0] id [0:(LEVELS+1)*V-1];
  reg signed [IB-1:0] high, low;
  reg [IDW-1:0] high_id, low_id;
  integer n, i, l;
  // Candidate j of entry i of stage n; where there is none, the first again.
  function integer at;
    input integer n, i, j;
    at = (n-1)*V + 4*i + ((4*i + j < ((V + (1 << (2*n-2)) - 1) >> (2*n-2))) ? j : 0);
  endfunction

  always @(posedge clk) begin
    v_q <= v[LEVELS-1:0];
    first_q <= first[LEVELS-1:0];
    last_q <= last[LEVELS-1:0];
    out_valid <= v[LEVELS] && last[LEVELS];
    if (v[LEVELS] && (first[LEVELS] || x[LEVELS*V] > out_logit)) begin
      out_logit <= x[LEVELS*V];
      out_id <= id[LEVELS*V];
    end
    if (in_valid) count <= (count == BEATS - 1) ? 0 : count + 1;
    for (n = LEVELS; n >= 1; n = n - 1)
      if (v[n-1]) begin
        if (n == 1) for (l = 0; l < V; l = l + 1) begin
          // Padding never wins: formats are symmetric, no logit is LEAST.
          x[l] = (count * V + l < LEN) ? $signed(in_data[l*IB +: IB]) : LEAST;
          id[l] = count * V + l;
        end
        for (i = 0; i < ((V + (1 << (2*n)) - 1) >> (2*n)); i = i + 1) begin
          // The better of two pairs.
          low = x[at(n, i, 0)];
          low_id = id[at(n, i, 0)];
          if (x[at(n, i, 1)] > low) begin
            low = x[at(n, i, 1)];
            low_id = id[at(n, i, 1)];
          end
          high = x[at(n, i, 2)];
          high_id = id[at(n, i, 2)];
          if (x[at(n, i, 3)] > high) begin
            high = x[at(n, i, 3)];
            high_id = id[at(n, i, 3)];
          end
          x[n*V+i] = (high > low) ? high : low;
          id[n*V+i] = (high > low) ? high_id : low_id;
        end
      end
    if (rst) begin
      count <= 0; v_q <= 0; out_valid <= 0;
    end
  end
endmodule
