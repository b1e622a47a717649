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
  output [HEADS*HEAD_DIM*OSB-1:0] sums, // the weighted sums, head by head, OSB bits an element, signed
  output [HEADS*PSB-1:0] p_sum   // the sum of weights of each head, PSB bits
);
  `HW_REQUIRE(HEADS % KV_HEADS == 0, hw_value_needs_as_many_query_heads_on_each_kv_head)
  localparam UNITS = HEADS * P;
  localparam PB = KVB + 21;      // bits of a product
  // Every unit's weight times the elements of its KV head; zero where there is no value.
  function [UNITS*HEAD_DIM*PB-1:0] products;
    input [UNITS*21-1:0] weights;
    input [P*ROW-1:0] rows;
    input [P-1:0] has;
    integer u, d, kv;
    for (u = 0; u < UNITS; u = u + 1) begin
      kv = (u / P) / (HEADS / KV_HEADS);
      for (d = 0; d < HEAD_DIM; d = d + 1)
        products[(u*HEAD_DIM+d)*PB +: PB] =
          has[u%P] ? $signed({1'b0, weights[u*21 +: 21]}) * $signed(rows[(u%P)*ROW+(kv*HEAD_DIM+d)*KVB +: KVB]) : $signed({PB{1'b0}});
    end
  endfunction
  // Each shifted to the left by what its value was shifted to the right; element by element, the positions of one side by side.
  function [UNITS*HEAD_DIM*OSB-1:0] terms;
    input [UNITS*HEAD_DIM*PB-1:0] of;
    input [UNITS*5-1:0] by;
    reg signed [OSB-1:0] wide;
    integer u, d;
    for (u = 0; u < UNITS; u = u + 1)
      for (d = 0; d < HEAD_DIM; d = d + 1) begin
        wide = $signed(of[(u*HEAD_DIM+d)*PB +: PB]);
        terms[(((u/P)*HEAD_DIM+d)*P+u%P)*OSB +: OSB] = wide <<< by[u*5 +: 5];
      end
  endfunction
  function [HEADS*HEAD_DIM*OSB-1:0] with_word;
    input [HEADS*HEAD_DIM*OSB-1:0] all;
    input [HEADS*HEAD_DIM*OSB-1:0] word;
    integer e;
    for (e = 0; e < HEADS * HEAD_DIM; e = e + 1) with_word[e*OSB +: OSB] = all[e*OSB +: OSB] + word[e*OSB +: OSB];
  endfunction

  reg [TREE+2:1] valid_q;        // words in the stages: products; terms; then their sums
  wire [TREE+2:0] valid = {valid_q, in_valid};
  reg [UNITS*HEAD_DIM*PB-1:0] product_q;
  reg [UNITS*5-1:0] shift_q;
  reg [UNITS*HEAD_DIM*OSB-1:0] term_q;
  reg [UNITS*PSB-1:0] part_q;    // the weights; their sum is complete one cycle before that of the terms
  wire [HEADS*HEAD_DIM*OSB-1:0] word_sums;
  wire [HEADS*PSB-1:0] word_parts;
  reg [HEADS*HEAD_DIM*OSB-1:0] sums_q;
  reg [HEADS*PSB-1:0] p_sum_q;
  assign sums = sums_q;
  assign p_sum = p_sum_q;
  hw_tree #(.TREES(HEADS*HEAD_DIM), .TERMS(P), .STAGES(TREE), .IB(OSB), .OB(OSB)) tree (
    .clk(clk), .enable(valid[2 +: ((TREE>0)?TREE:1)]), .terms(term_q), .sums(word_sums));
  hw_tree #(.TREES(HEADS), .TERMS(P), .STAGES(TREE), .IB(PSB), .OB(PSB)) weight_tree (
    .clk(clk), .enable(valid[1 +: ((TREE>0)?TREE:1)]), .terms(part_q), .sums(word_parts));

  integer u, h;
  always @(posedge clk) begin
    valid_q <= valid[TREE+1:0];
    // The stages, last one first.
    if (valid[TREE+2]) sums_q <= with_word(sums_q, word_sums);
    if (valid[TREE+1]) for (h = 0; h < HEADS; h = h + 1) p_sum_q[h*PSB +: PSB] <= p_sum_q[h*PSB +: PSB] + word_parts[h*PSB +: PSB];
    if (valid[1]) term_q <= terms(product_q, shift_q);
    if (in_valid) begin
      product_q <= products(p, v_rows, mask);
      for (u = 0; u < UNITS; u = u + 1) begin
        shift_q[u*5 +: 5] <= mask[u%P] ? v_rows[(u%P)*ROW+KV_HEADS*HEAD_DIM*KVB+((u/P)/(HEADS/KV_HEADS))*5 +: 5] : 5'd0;
        part_q[u*PSB +: PSB] <= p[u*21 +: 21];
      end
    end
    if (clear) begin
      p_sum_q <= 0;
      sums_q <= 0;
    end
  end
endmodule
