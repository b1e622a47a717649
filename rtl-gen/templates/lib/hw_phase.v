// Rotation phases of a position (numerics, section 3): PP pairs of {sin, cos} a beat, in step with the first residual beats.
`include "hw_round.vh"
module hw_phase #(
  parameter PP = 4,              // pairs a beat
  parameter BEATS = 1,           // beats of the rotation vector
  parameter POSW = 9,            // bits of a position
  parameter VALUE_BITS = 16,     // bits of a table word's value, signed, the lower part of the word
  parameter SLOPE_BITS = 9,      // bits of its slope, the next value less this one, signed, the upper part
  parameter OMEGA = "",          // image of the frequencies: a word a beat, PP of 32 bits, fractions of a turn a position
  parameter SIN = ""             // image of a quarter sine, 256 words: value, slope above
) (
  input clk,                     // clock: registers change at its rising edge
  input rst,                     // reset: synchronous, active high
  input start,                   // the token is accepted in this cycle
  input [POSW-1:0] pos,          // its position, from 0
  output reg rot_valid,          // a beat is on rot_data
  output reg [PP*32-1:0] rot_data // PP pairs of sine and, below it, cosine, 16 bits each, signed, 14 of them fraction
);
  localparam BW = $clog2(BEATS + 1);
  localparam TB = VALUE_BITS + SLOPE_BITS;
  localparam MB = SLOPE_BITS + 17;
  localparam AD = `HW_DIGITS(POSW + 1);
  `HW_DIGIT(digit, POSW + 1)
  reg [POSW-1:0] at;
  reg run;
  reg [BW-1:0] beat;
  reg [5:0] v;                   // v[0]: frequencies stand; v[1]: their products with each digit; v[2]: phases; v[3]: table words
  wire [PP*32-1:0] omega;
  reg signed [42:0] turned [0:PP*AD-1], sum;
  reg [PP*32-1:0] phi, phi_next;
  wire [2*PP*8-1:0] index;
  wire [2*PP*TB-1:0] word;
  reg [2*PP*TB-1:0] word4;
  reg [15:0] f3 [0:2*PP-1], f4 [0:2*PP-1];
  reg [1:0] q3 [0:PP-1], q4 [0:PP-1], q5 [0:PP-1];
  reg signed [VALUE_BITS-1:0] value5 [0:2*PP-1];
  reg signed [MB-1:0] product [0:2*PP-1];
  reg signed [15:0] s [0:2*PP-1];
  reg signed [MB-1:0] t;
  reg [PP*32-1:0] y;
  integer i, j;
  wire reading = start || run;

  hw_rom #(.WIDTH(PP*32), .DEPTH(BEATS), .AW(BW), .FILE(OMEGA)) omega_rom (.clk(clk), .en(reading), .addr(beat), .data(omega));
  // Port 2i: S(r), port 2i + 1: S(r'), whose index and fraction are the complements.
  genvar p;
  generate
    for (p = 0; p < PP; p = p + 1) begin : pair
      assign index[16*p +: 8] = phi[32*p+22 +: 8];
      assign index[16*p+8 +: 8] = ~phi[32*p+22 +: 8];
    end
  endgenerate
  hw_rom #(.WIDTH(TB), .DEPTH(256), .AW(8), .PORTS(2*PP), .FILE(SIN)) sine (.clk(clk), .en(v[2]), .addr(index), .data(word));

  always @(posedge clk) begin
    if (start) at <= pos;
    if (reading) begin
      beat <= (beat == BEATS - 1) ? 0 : beat + 1;
      run <= beat != BEATS - 1;
    end
    v <= {v[4:0], reading};
    rot_valid <= v[5];
    if (v[5]) begin
      for (j = 0; j < 2*PP; j = j + 1) begin
        t = (product[j] >>> 16) + (product[j][15] ? 1 : 0);
        s[j] = value5[j] + t;
      end
      for (i = 0; i < PP; i = i + 1)
        case (q5[i])
          2'd0: y[32*i +: 32] = {s[2*i], s[2*i+1]};
          2'd1: y[32*i +: 32] = {s[2*i+1], -s[2*i]};
          2'd2: y[32*i +: 32] = {-s[2*i], -s[2*i+1]};
          default: y[32*i +: 32] = {-s[2*i+1], s[2*i]};
        endcase
      rot_data <= y;
    end
    if (v[4]) begin
      for (j = 0; j < 2*PP; j = j + 1) begin
        product[j] = $signed(word4[j*TB+VALUE_BITS +: SLOPE_BITS]) * $signed({1'b0, f4[j]});
        value5[j] = word4[j*TB +: VALUE_BITS];
      end
      for (i = 0; i < PP; i = i + 1) q5[i] = q4[i];
    end
    if (v[3]) begin
      word4 <= word;
      for (j = 0; j < 2*PP; j = j + 1) f4[j] = f3[j];
      for (i = 0; i < PP; i = i + 1) q4[i] = q3[i];
    end
    if (v[2]) for (i = 0; i < PP; i = i + 1) begin
      f3[2*i] = phi[32*i+6 +: 16];
      f3[2*i+1] = ~phi[32*i+6 +: 16];
      q3[i] = phi[32*i+30 +: 2];
    end
    if (v[1]) begin
      for (i = 0; i < PP; i = i + 1) begin
        sum = 0;
        for (j = 0; j < AD; j = j + 1) sum = sum + (turned[i*AD+j] <<< (9*j));
        phi_next[32*i +: 32] = sum[31:0];
      end
      phi <= phi_next;
    end
    if (v[0]) for (i = 0; i < PP; i = i + 1)
      for (j = 0; j < AD; j = j + 1) turned[i*AD+j] = $signed({1'b0, omega[32*i +: 32]}) * digit($signed({1'b0, at}), j);
    if (rst) begin
      beat <= 0; run <= 0; v <= 0; rot_valid <= 0;
    end
  end
endmodule
