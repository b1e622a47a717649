// One query head against one position lane (numerics, section 7, step 2). Score TREE + 3 cycles after the key.
`include "hw_round.vh"
module hw_score #(
  parameter HEAD_DIM = 8,
  parameter A = 12,
  parameter KVB = 8,
  parameter TREE = 1,            // adder stages: eight to one each
  parameter [15:0] MANTISSA = 1,
  parameter signed [9:0] SHIFT = 0
) (
  input clk,
  input rst,
  input in_valid,
  input in_mask,                 // the position counts
  input [HEAD_DIM*A-1:0] q,
  input [4:0] q_shift,
  input [HEAD_DIM*KVB-1:0] k,
  input [4:0] k_shift,
  output reg signed [31:0] score,
  output reg ovf
);
  localparam DB = A + KVB + $clog2(HEAD_DIM);
  `HW_ROUND(round, DB + 17, 10, 32)
  reg [TREE+2:0] v, mask;        // v[0]: products stand; v[TREE]: the sum; v[TREE + 1]: scaled
  reg signed [DB-1:0] d [0:(TREE+1)*HEAD_DIM-1];
  reg signed [9:0] shift [0:TREE+1];
  reg signed [DB+16:0] scaled;
  reg [32:0] r;
  integer n, i, j;
  always @(posedge clk) begin
    v <= {v[TREE+1:0], in_valid};
    mask <= {mask[TREE+1:0], in_mask};
    ovf <= 0;
    if (v[TREE+1]) begin
      r = round(scaled, shift[TREE+1]);
      score <= r[31:0];
      ovf <= r[32] && mask[TREE+1];
    end
    if (v[TREE]) begin
      scaled <= d[TREE*HEAD_DIM] * $signed({1'b0, MANTISSA});
      shift[TREE+1] = shift[TREE];
    end
    for (n = TREE; n >= 1; n = n - 1)
      if (v[n-1]) begin
        shift[n] = shift[n-1];
        for (i = 0; i < ((HEAD_DIM + (1 << (3*n)) - 1) >> (3*n)); i = i + 1) begin
          d[n*HEAD_DIM+i] = 0;
          for (j = 0; j < 8; j = j + 1)
            if (8*i + j < ((HEAD_DIM + (1 << (3*n-3)) - 1) >> (3*n-3)))
              d[n*HEAD_DIM+i] = d[n*HEAD_DIM+i] + d[(n-1)*HEAD_DIM+8*i+j];
        end
      end
    if (in_valid) begin
      for (i = 0; i < HEAD_DIM; i = i + 1) d[i] = $signed(q[i*A +: A]) * $signed(k[i*KVB +: KVB]);
      shift[0] = SHIFT - $signed({1'b0, q_shift}) - $signed({1'b0, k_shift});
    end
    if (rst) begin
      v <= 0; ovf <= 0;
    end
  end
endmodule
