// Weighted sums of the values over all positions, all query heads (numerics, section 7, step 4). They stand TREE + 3 cycles after the last
// weights. The value of head h and position lane p is weighted by unit h * P + p.
`include "hw_check.vh"
module hw_value #(
  parameter HEADS = 8,           // query heads
  parameter KV_HEADS = 4,        // key and value heads; each serves HEADS / KV_HEADS query heads
  parameter P = 1,               // cached positions read a cycle
  parameter TREE = 0,            // adder stages, eight positions to one each: ceil(log8 P)
  parameter HEAD_DIM = 8,        // elements of a head
  parameter KVB = 8,             // bits of a cached key or value element
  parameter ROW = 1,             // bits of a cache row: the elements of all KV heads, their shifts of 5 bits above
  parameter OSB = 46,            // bits of a weighted sum
  parameter PSB = 30             // bits of the sum of weights
) (
  input clk,                     // clock: registers change at its rising edge
  input clear,                   // begin anew: both sums are zero
  input in_valid,                // a word of weights and values is on the ports
  input [P-1:0] mask,            // position lane i has a value
  input [HEADS*P*21-1:0] p,      // unit h * P + i: weight of head h and position lane i, 21 bits, 20 of them fraction
  input [P*ROW-1:0] v_rows,      // P cache rows
  output reg [HEADS*HEAD_DIM*OSB-1:0] sums, // the weighted sums, head by head, OSB bits an element, signed
  output reg [HEADS*PSB-1:0] p_sum // the sum of weights of each head, PSB bits
);
  `HW_REQUIRE(HEADS % KV_HEADS == 0, hw_value_needs_as_many_query_heads_on_each_kv_head)
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
