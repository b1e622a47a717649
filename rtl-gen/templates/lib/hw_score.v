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
  output reg out_valid,          // scores are on `score`
  output reg [P-1:0] out_mask,   // in_mask, in step with them
  output reg [HEADS*P*32-1:0] score, // unit h * P + i: head h, position lane i, 32 bits, signed, 16 of them fraction
  output reg ovf                 // with out_valid: a score was too large for 32 bits and was clamped
);
  `HW_REQUIRE(HEADS % KV_HEADS == 0, hw_score_needs_as_many_query_heads_on_each_kv_head)
  localparam UNITS = HEADS * P;
  localparam DB = A + KVB + $clog2(HEAD_DIM);
  `HW_ROUND(round, DB + 17, 7, 32)
  reg [TREE+1:0] v;              // v[0]: products stand; v[TREE]: the sums; v[TREE + 1]: scaled
  reg [(TREE+2)*P-1:0] mask;
  reg signed [DB-1:0] d [0:(TREE+1)*UNITS*HEAD_DIM-1], sum;
  // What a score is shifted to the right after 32 bits to the left; 127 leaves nothing but its sign.
  reg signed [11:0] shift;
  reg [6:0] by [0:(TREE+2)*UNITS-1];
  reg signed [DB+16:0] scaled [0:UNITS-1];
  reg [32:0] r;
  reg [UNITS*32-1:0] score_next;
  reg clamped;
  integer n, i, j, u, kh, to, from;
  always @(posedge clk) begin
    v <= {v[TREE:0], in_valid};
    mask <= {mask[(TREE+1)*P-1:0], in_mask};
    out_valid <= v[TREE+1];
    out_mask <= mask[(TREE+1)*P +: P];
    ovf <= 0;
    if (v[TREE+1]) begin
      clamped = 0;
      for (u = 0; u < UNITS; u = u + 1) begin
        r = round(scaled[u], by[(TREE+1)*UNITS+u]);
        score_next[u*32 +: 32] = r[31:0];
        clamped = clamped | (r[32] && mask[(TREE+1)*P+(u%P)]);
      end
      score <= score_next;
      ovf <= clamped;
    end
    if (v[TREE]) for (u = 0; u < UNITS; u = u + 1) begin
      scaled[u] = d[(TREE*UNITS+u)*HEAD_DIM] * $signed({1'b0, MANTISSA});
      by[(TREE+1)*UNITS+u] = by[TREE*UNITS+u];
    end
    for (n = TREE; n >= 1; n = n - 1)
      if (v[n-1])
        for (u = 0; u < UNITS; u = u + 1) begin
          by[n*UNITS+u] = by[(n-1)*UNITS+u];
          for (i = 0; i < ((HEAD_DIM + (1 << (3*n)) - 1) >> (3*n)); i = i + 1) begin
            to = (n*UNITS+u)*HEAD_DIM + i;
            from = ((n-1)*UNITS+u)*HEAD_DIM + 8*i;
            sum = 0;
            for (j = 0; j < 8; j = j + 1)
              if (8*i + j < ((HEAD_DIM + (1 << (3*n-3)) - 1) >> (3*n-3))) sum = sum + d[from+j];
            d[to] = sum;
          end
        end
    if (in_valid) for (u = 0; u < UNITS; u = u + 1) begin
      kh = (u / P) / (HEADS / KV_HEADS);
      for (i = 0; i < HEAD_DIM; i = i + 1)
        d[u*HEAD_DIM+i] = $signed(q[((u/P)*HEAD_DIM+i)*A +: A]) * $signed(k[(u%P)*ROW+(kh*HEAD_DIM+i)*KVB +: KVB]);
      shift = SHIFT + 32 - $signed({1'b0, q_shift[(u/P)*5 +: 5]}) - $signed({1'b0, k[(u%P)*ROW+KV_HEADS*HEAD_DIM*KVB+kh*5 +: 5]});
      by[u] = (shift < 0) ? 7'd0 : (shift > 127) ? 7'd127 : shift[6:0];
    end
    if (rst) begin
      v <= 0; out_valid <= 0; ovf <= 0;
    end
  end
endmodule
