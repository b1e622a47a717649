// Weights of all units' scores (numerics, section 7, step 3): 2^(score - max) with 20 fractional bits, 5 cycles after the scores.
module hw_exponent #(
  parameter HEADS = 8,           // query heads
  parameter P = 1,               // cached positions read a cycle
  parameter VALUE_BITS = 22,     // bits of a table word's value, signed, the lower part of the word
  parameter SLOPE_BITS = 14,     // bits of its slope, the next value less this one, signed, the upper part
  parameter EXP2 = ""            // image of the table of 2^-x, 128 words: value, slope above
) (
  input clk,                     // clock: registers change at its rising edge
  input in_valid,                // a word of scores is on the ports
  input [P-1:0] in_mask,         // lane i of the word counts
  input [HEADS*P*32-1:0] score,  // unit h * P + i: score of head h and position lane i, 32 bits, signed, 16 of them fraction
  input [HEADS*32-1:0] greatest, // the greatest score of each head, 32 bits, signed
  output reg [HEADS*P*21-1:0] p  // unit h * P + i: 2^(score - greatest), 21 bits, 20 of them fraction; 0 where the mask is 0
);
  localparam UNITS = HEADS * P;
  localparam TB = VALUE_BITS + SLOPE_BITS;
  reg [4:1] v;
  reg [P-1:0] mask1, mask2, mask3, mask4;
  reg [32:0] below;
  reg [8:0] f2 [0:UNITS-1], f3 [0:UNITS-1];
  reg [4:0] i2 [0:UNITS-1], i3 [0:UNITS-1], i4 [0:UNITS-1], i5 [0:UNITS-1];
  reg [UNITS*7-1:0] index, index_next;
  wire [UNITS*TB-1:0] word;
  reg signed [SLOPE_BITS+9:0] product [0:UNITS-1];
  reg signed [VALUE_BITS-1:0] value [0:UNITS-1], x [0:UNITS-1];
  reg [UNITS*21-1:0] p_next;
  integer u;
  hw_rom #(.WIDTH(TB), .DEPTH(128), .AW(7), .PORTS(UNITS), .FILE(EXP2)) table_rom (
    .clk(clk), .en(v[1]), .addr(index), .data(word));
  always @(posedge clk) begin
    v <= {v[3:1], in_valid};
    mask1 <= in_mask;
    mask2 <= mask1;
    mask3 <= mask2;
    mask4 <= mask3;
    if (v[4]) begin
      for (u = 0; u < UNITS; u = u + 1)
        p_next[u*21 +: 21] = mask4[u%P] ? (x[u] >> i5[u]) + (i5[u] != 0 && x[u][i5[u]-5'd1]) : 0;
      p <= p_next;
    end
    if (v[3]) for (u = 0; u < UNITS; u = u + 1) begin
      x[u] = value[u] + (product[u] >>> 9) + (product[u][8] ? 1 : 0);
      i5[u] = i4[u];
    end
    if (v[2]) for (u = 0; u < UNITS; u = u + 1) begin
      product[u] = $signed(word[u*TB+VALUE_BITS +: SLOPE_BITS]) * $signed({1'b0, f3[u]});
      value[u] = word[u*TB +: VALUE_BITS];
      i4[u] = i3[u];
    end
    if (v[1]) for (u = 0; u < UNITS; u = u + 1) begin
      f3[u] = f2[u];
      i3[u] = i2[u];
    end
    if (in_valid) begin
      for (u = 0; u < UNITS; u = u + 1) begin
        below = $signed(greatest[(u/P)*32 +: 32]) - $signed(score[u*32 +: 32]);
        index_next[u*7 +: 7] = below[15:9];
        f2[u] = below[8:0];
        i2[u] = (below[32:16] > 22) ? 5'd22 : below[20:16];
      end
      index <= index_next;
    end
  end
endmodule
