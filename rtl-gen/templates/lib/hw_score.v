// Scores of all query heads against P cached positions (numerics, section 7, step 2), TREE + 3 cycles after the keys. Unit h * P + p is
// head h and position lane p.
`include "hw_round.vh"
`include "hw_check.vh"
module hw_score #(
  parameter HEADS = 8,           // query heads
  parameter KV_HEADS = 4,        // key and value heads; each serves HEADS / KV_HEADS query heads
  parameter P = 1,               // cached positions read a cycle
  parameter HEAD_DIM = 8,        // elements of a head
  parameter A = 12,              // bits of a query element
  parameter KVB = 8,             // bits of a cached key or value element
  parameter ROW = 1,             // bits of a cache row: the elements of all KV heads, their shifts of 5 bits above
  parameter TREE = 1,            // adder stages, eight terms to one each: ceil(log8 HEAD_DIM)
  parameter [15:0] MANTISSA = 1, // factor of every score, unsigned ...
  parameter signed [9:0] SHIFT = 0 // ... and the shift to the right of its product
) (
  input clk,                     // clock: registers change at its rising edge
  input rst,                     // reset: synchronous, active high
  input in_valid,                // a word of keys is on `k`
  input [P-1:0] in_mask,         // position lane i counts
  input [HEADS*HEAD_DIM*A-1:0] q, // the queries, head by head, A bits an element, signed
  input [HEADS*5-1:0] q_shift,   // bits by which each head of the queries was shifted to the right
  input [P*ROW-1:0] k,           // P cache rows
  output out_valid,              // scores are on `score`
  output [P-1:0] out_mask,       // in_mask, in step with them
  output [HEADS*P*32-1:0] score, // unit h * P + i: head h, position lane i, 32 bits, signed, 16 of them fraction
  output ovf                     // with out_valid: a score was too large for 32 bits and was clamped
);
  `HW_REQUIRE(HEADS % KV_HEADS == 0, hw_score_needs_as_many_query_heads_on_each_kv_head)
  localparam UNITS = HEADS * P;
  localparam PB = A + KVB;       // bits of a product
  localparam DB = PB + $clog2(HEAD_DIM); // of a sum of products
  localparam SB = DB + 17;       // of it times MANTISSA
  `HW_ROUND(round, SB, 7, 32)
  // Query head u / P times the keys that its KV head has at position lane u % P, element by element.
  function [UNITS*HEAD_DIM*PB-1:0] products;
    input [HEADS*HEAD_DIM*A-1:0] queries;
    input [P*ROW-1:0] rows;
    integer u, kv, i;
    for (u = 0; u < UNITS; u = u + 1) begin
      kv = (u / P) / (HEADS / KV_HEADS);
      for (i = 0; i < HEAD_DIM; i = i + 1)
        products[(u*HEAD_DIM+i)*PB +: PB] =
          $signed(queries[((u/P)*HEAD_DIM+i)*A +: A]) * $signed(rows[(u%P)*ROW+(kv*HEAD_DIM+i)*KVB +: KVB]);
    end
  endfunction
  // What a unit's score is shifted to the right after 32 bits to the left; 127 leaves nothing but its sign.
  function [6:0] shift_of;
    input [4:0] query, key;
    reg signed [11:0] by;
    begin
      by = SHIFT + 32 - $signed({1'b0, query}) - $signed({1'b0, key});
      shift_of = (by < 0) ? 7'd0 : (by > 127) ? 7'd127 : by[6:0];
    end
  endfunction
  // Scores; one that does not count is clamped unsaid.
  `HW_BEAT(rounded, UNITS, 32, input [UNITS*SB-1:0] of; input [UNITS*7-1:0] by; input [P-1:0] counts;,
    round($signed(of[lane*SB +: SB]), by[lane*7 +: 7]) & {counts[lane%P], {32{1'b1}}})

  reg [TREE+1:0] valid_q;        // words in the stages: products; then their sums; scaled
  reg [(TREE+2)*P-1:0] mask_q;   // their masks
  reg [UNITS*HEAD_DIM*PB-1:0] product_q;
  wire [UNITS*DB-1:0] sums;
  reg [UNITS*SB-1:0] scaled_q;
  reg [UNITS*7-1:0] shift_q;
  wire [UNITS*7-1:0] shift_last; // in step with scaled_q
  reg out_valid_q, ovf_q;
  reg [P-1:0] out_mask_q;
  reg [UNITS*32-1:0] score_q;
  assign out_valid = out_valid_q;
  assign out_mask = out_mask_q;
  assign score = score_q;
  assign ovf = ovf_q;
  hw_tree #(.TREES(UNITS), .TERMS(HEAD_DIM), .STAGES(TREE), .IB(PB), .OB(DB)) tree (
    .clk(clk), .enable(valid_q[((TREE>0)?TREE:1)-1:0]), .terms(product_q), .sums(sums));
  hw_delay #(.WIDTH(UNITS*7), .STAGES(TREE+1)) delay (.clk(clk), .enable(valid_q[TREE:0]), .in_data(shift_q), .out_data(shift_last));

  integer u;
  always @(posedge clk) begin
    valid_q <= {valid_q[TREE:0], in_valid};
    mask_q <= {mask_q[(TREE+1)*P-1:0], in_mask};
    // The stages, last one first.
    out_valid_q <= valid_q[TREE+1];
    out_mask_q <= mask_q[(TREE+1)*P +: P];
    ovf_q <= 0;
    if (valid_q[TREE+1]) {ovf_q, score_q} <= rounded(scaled_q, shift_last, mask_q[(TREE+1)*P +: P]);
    if (valid_q[TREE]) for (u = 0; u < UNITS; u = u + 1)
      scaled_q[u*SB +: SB] <= $signed(sums[u*DB +: DB]) * $signed({1'b0, MANTISSA});
    if (in_valid) begin
      product_q <= products(q, k);
      for (u = 0; u < UNITS; u = u + 1)
        shift_q[u*7 +: 7] <= shift_of(q_shift[(u/P)*5 +: 5], k[(u%P)*ROW+KV_HEADS*HEAD_DIM*KVB+((u/P)/(HEADS/KV_HEADS))*5 +: 5]);
    end
    if (rst) begin
      valid_q <= 0; out_valid_q <= 0; ovf_q <= 0;
    end
  end
endmodule
