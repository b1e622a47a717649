// Weighted sums of the values over all positions, all query heads (numerics, section 7, step 4). They stand 4 cycles after the last
// weights. The value of head h and position lane p is weighted by unit h * P + p.
module hw_value #(
  parameter HEADS = 8,
  parameter KV_HEADS = 4,
  parameter P = 1,
  parameter HEAD_DIM = 8,
  parameter KVB = 8,
  parameter ROW = 1,             // bits of a cache row: codes of all KV heads, their shifts above
  parameter OSB = 46,            // bits of a sum
  parameter PSB = 30             // bits of the sum of weights
) (
  input clk,
  input clear,
  input in_valid,
  input [P-1:0] mask,
  input [HEADS*P*21-1:0] p,
  input [P*ROW-1:0] v,
  output reg [HEADS*HEAD_DIM*OSB-1:0] sums,
  output reg [HEADS*PSB-1:0] p_sum
);
  localparam UNITS = HEADS * P;
  reg v1, v2, v3;
  reg signed [KVB+20:0] product [0:UNITS*HEAD_DIM-1];
  reg [4:0] shift [0:UNITS-1];
  reg signed [OSB-1:0] term [0:UNITS*HEAD_DIM-1], lane_sum [0:HEADS*HEAD_DIM-1], wide;
  reg [PSB-1:0] p_lane [0:HEADS-1];
  reg [HEADS*HEAD_DIM*OSB-1:0] sums_next;
  reg [HEADS*PSB-1:0] p_next;
  integer u, h, i, d, kh;
  always @(posedge clk) begin
    v1 <= in_valid;
    v2 <= v1;
    v3 <= v2;
    if (v3) begin
      for (d = 0; d < HEADS*HEAD_DIM; d = d + 1) sums_next[d*OSB +: OSB] = $signed(sums[d*OSB +: OSB]) + lane_sum[d];
      sums <= sums_next;
    end
    if (v2) for (h = 0; h < HEADS; h = h + 1)
      for (d = 0; d < HEAD_DIM; d = d + 1) begin
        wide = 0;
        for (i = 0; i < P; i = i + 1) wide = wide + term[(h*P+i)*HEAD_DIM+d];
        lane_sum[h*HEAD_DIM+d] = wide;
      end
    if (v1) begin
      for (h = 0; h < HEADS; h = h + 1) p_next[h*PSB +: PSB] = p_sum[h*PSB +: PSB] + p_lane[h];
      p_sum <= p_next;
      for (u = 0; u < UNITS; u = u + 1)
        for (d = 0; d < HEAD_DIM; d = d + 1) begin
          wide = product[u*HEAD_DIM+d];
          term[u*HEAD_DIM+d] = wide <<< shift[u];
        end
    end
    if (in_valid) for (h = 0; h < HEADS; h = h + 1) begin
      kh = h / (HEADS / KV_HEADS);
      p_lane[h] = 0;
      for (i = 0; i < P; i = i + 1) begin
        p_lane[h] = p_lane[h] + p[(h*P+i)*21 +: 21];
        shift[h*P+i] = mask[i] ? v[i*ROW+KV_HEADS*HEAD_DIM*KVB+kh*5 +: 5] : 0;
        for (d = 0; d < HEAD_DIM; d = d + 1)
          product[(h*P+i)*HEAD_DIM+d] =
            mask[i] ? $signed({1'b0, p[(h*P+i)*21 +: 21]}) * $signed(v[i*ROW+(kh*HEAD_DIM+d)*KVB +: KVB]) : 0;
      end
    end
    if (clear) begin
      p_sum <= 0;
      sums <= 0;
    end
  end
endmodule
