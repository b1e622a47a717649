// Weighted sums of the values over all positions, all query heads (numerics, section 7, step 4). They stand TREE + 3 cycles after the last
// weights. The value of head h and position lane p is weighted by unit h * P + p.
module hw_value #(
  parameter HEADS = 8,
  parameter KV_HEADS = 4,
  parameter P = 1,
  parameter TREE = 0,            // adder stages: eight positions to one each, ceil(log8 P)
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
  input [P*ROW-1:0] v_rows,
  output reg [HEADS*HEAD_DIM*OSB-1:0] sums,
  output reg [HEADS*PSB-1:0] p_sum
);
  localparam UNITS = HEADS * P;
  reg [TREE+2:1] v;              // v[1]: products stand; v[2]: terms; v[TREE + 2]: their sums
  reg signed [KVB+20:0] product [0:UNITS*HEAD_DIM-1];
  reg [4:0] shift [0:UNITS-1];
  // term[(n * UNITS + h * P + i) * HEAD_DIM + d] and part[n * UNITS + h * P + i]: what is left of P after n stages.
  reg signed [OSB-1:0] term [0:(TREE+1)*UNITS*HEAD_DIM-1], wide;
  reg [PSB-1:0] part [0:(TREE+1)*UNITS-1], p_wide;
  reg [HEADS*HEAD_DIM*OSB-1:0] sums_next;
  reg [HEADS*PSB-1:0] p_next;
  integer u, h, i, j, n, d, kh;
  always @(posedge clk) begin
    v <= {v[TREE+1:1], in_valid};
    if (v[TREE+2]) begin
      for (h = 0; h < HEADS; h = h + 1)
        for (d = 0; d < HEAD_DIM; d = d + 1)
          sums_next[(h*HEAD_DIM+d)*OSB +: OSB] = $signed(sums[(h*HEAD_DIM+d)*OSB +: OSB]) + term[(TREE*UNITS+h*P)*HEAD_DIM+d];
      sums <= sums_next;
    end
    for (n = TREE; n >= 1; n = n - 1)
      if (v[n+1])
        for (h = 0; h < HEADS; h = h + 1)
          for (i = 0; i < ((P + (1 << (3*n)) - 1) >> (3*n)); i = i + 1) begin
            for (d = 0; d < HEAD_DIM; d = d + 1) begin
              wide = 0;
              for (j = 0; j < 8; j = j + 1)
                if (8*i + j < ((P + (1 << (3*n-3)) - 1) >> (3*n-3))) wide = wide + term[((n-1)*UNITS+h*P+8*i+j)*HEAD_DIM+d];
              term[(n*UNITS+h*P+i)*HEAD_DIM+d] = wide;
            end
          end
    if (v[1]) for (u = 0; u < UNITS; u = u + 1)
      for (d = 0; d < HEAD_DIM; d = d + 1) begin
        wide = product[u*HEAD_DIM+d];
        term[u*HEAD_DIM+d] = wide <<< shift[u];
      end
    if (in_valid) for (h = 0; h < HEADS; h = h + 1) begin
      kh = h / (HEADS / KV_HEADS);
      for (i = 0; i < P; i = i + 1) begin
        shift[h*P+i] = mask[i] ? v_rows[i*ROW+KV_HEADS*HEAD_DIM*KVB+kh*5 +: 5] : 0;
        for (d = 0; d < HEAD_DIM; d = d + 1)
          product[(h*P+i)*HEAD_DIM+d] =
            mask[i] ? $signed({1'b0, p[(h*P+i)*21 +: 21]}) * $signed(v_rows[i*ROW+(kh*HEAD_DIM+d)*KVB +: KVB]) : 0;
      end
    end
    // Weights, one stage ahead of the terms: the sum of all is complete one cycle earlier.
    if (v[TREE+1]) begin
      for (h = 0; h < HEADS; h = h + 1) p_next[h*PSB +: PSB] = p_sum[h*PSB +: PSB] + part[TREE*UNITS+h*P];
      p_sum <= p_next;
    end
    for (n = TREE; n >= 1; n = n - 1)
      if (v[n])
        for (h = 0; h < HEADS; h = h + 1)
          for (i = 0; i < ((P + (1 << (3*n)) - 1) >> (3*n)); i = i + 1) begin
            p_wide = 0;
            for (j = 0; j < 8; j = j + 1)
              if (8*i + j < ((P + (1 << (3*n-3)) - 1) >> (3*n-3))) p_wide = p_wide + part[(n-1)*UNITS+h*P+8*i+j];
            part[n*UNITS+h*P+i] = p_wide;
          end
    if (in_valid) for (u = 0; u < UNITS; u = u + 1) part[u] = p[u*21 +: 21];
    if (clear) begin
      p_sum <= 0;
      sums <= 0;
    end
  end
endmodule
