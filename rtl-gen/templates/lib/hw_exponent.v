// Weight of one score (numerics, section 7, step 3): 2^(score - max) with 20 fractional bits, 5 cycles after the score.
module hw_exponent #(
  parameter VALUE_BITS = 22,     // of the table's words: value, then slope
  parameter SLOPE_BITS = 14,
  parameter EXP2 = ""
) (
  input clk,
  input in_valid,
  input in_mask,
  input signed [31:0] score,
  input signed [31:0] greatest,
  output reg [20:0] p
);
  localparam TB = VALUE_BITS + SLOPE_BITS;
  reg [4:1] v, mask;
  reg [32:0] below;
  reg [8:0] f;
  reg [4:0] i2, i3, i4;
  wire [4:0] whole = (below[32:16] > 22) ? 5'd22 : below[20:16];
  wire [TB-1:0] word;
  reg signed [SLOPE_BITS+9:0] product;
  reg signed [VALUE_BITS-1:0] value, x;
  hw_rom #(.WIDTH(TB), .DEPTH(128), .AW(7), .FILE(EXP2)) table_rom (.clk(clk), .en(v[1]), .addr(below[15:9]), .data(word));
  always @(posedge clk) begin
    v <= {v[3:1], in_valid};
    mask <= {mask[3:1], in_mask};
    if (in_valid) below <= {greatest[31], greatest} - {score[31], score};
    if (v[1]) begin
      f <= below[8:0];
      i2 <= whole;
    end
    if (v[2]) begin
      product <= $signed(word[VALUE_BITS +: SLOPE_BITS]) * $signed({1'b0, f});
      value <= word[0 +: VALUE_BITS];
      i3 <= i2;
    end
    if (v[3]) begin
      x <= value + (product >>> 9) + (product[8] ? 1 : 0);
      i4 <= i3;
    end
    if (v[4]) p <= mask[4] ? ((x >> i4) + (i4 != 0 && x[i4-5'd1])) : 0;
  end
endmodule
