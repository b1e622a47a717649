// One query head's weighted sum of values over all position lanes (numerics, section 7, step 4). Sums stand 4 cycles after the last
// weights.
module hw_value #(
  parameter P = 1,
  parameter HEAD_DIM = 8,
  parameter KVB = 8,
  parameter OSB = 46,            // bits of a sum
  parameter PSB = 30             // bits of the sum of weights
) (
  input clk,
  input clear,
  input in_valid,
  input [P-1:0] mask,
  input [P*21-1:0] p,
  input [P*HEAD_DIM*KVB-1:0] v,
  input [P*5-1:0] v_shift,
  output reg [HEAD_DIM*OSB-1:0] sums,
  output reg [PSB-1:0] p_sum
);
  reg v1, v2, v3;
  reg signed [KVB+20:0] product [0:P*HEAD_DIM-1];
  reg [4:0] shift [0:P-1];
  reg signed [OSB-1:0] term [0:P*HEAD_DIM-1], lane_sum [0:HEAD_DIM-1], wide;
  reg [HEAD_DIM*OSB-1:0] next;
  reg [PSB-1:0] p_lane;
  integer i, d;
  always @(posedge clk) begin
    v1 <= in_valid;
    v2 <= v1;
    v3 <= v2;
    if (v3) begin
      for (d = 0; d < HEAD_DIM; d = d + 1) next[d*OSB +: OSB] = $signed(sums[d*OSB +: OSB]) + lane_sum[d];
      sums <= next;
    end
    if (v2) for (d = 0; d < HEAD_DIM; d = d + 1) begin
      lane_sum[d] = 0;
      for (i = 0; i < P; i = i + 1) lane_sum[d] = lane_sum[d] + term[i*HEAD_DIM+d];
    end
    if (v1) begin
      p_sum <= p_sum + p_lane;
      for (i = 0; i < P; i = i + 1)
        for (d = 0; d < HEAD_DIM; d = d + 1) begin
          wide = product[i*HEAD_DIM+d];
          term[i*HEAD_DIM+d] = wide <<< shift[i];
        end
    end
    if (in_valid) begin
      p_lane = 0;
      for (i = 0; i < P; i = i + 1) begin
        p_lane = p_lane + p[i*21 +: 21];
        shift[i] = mask[i] ? v_shift[i*5 +: 5] : 0;
        for (d = 0; d < HEAD_DIM; d = d + 1)
          product[i*HEAD_DIM+d] = mask[i] ? $signed({1'b0, p[i*21 +: 21]}) * $signed(v[(i*HEAD_DIM+d)*KVB +: KVB]) : 0;
      end
    end
    if (clear) begin
      p_sum <= 0;
      sums <= 0;
    end
  end
endmodule
