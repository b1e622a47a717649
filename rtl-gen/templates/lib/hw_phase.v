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
  output rot_valid,          // a beat is on rot_data
  output [PP*32-1:0] rot_data // PP pairs of sine and, below it, cosine, 16 bits each, signed, 14 of them fraction
);
  localparam BW = $clog2(BEATS + 1);
  localparam PB = `HW_PARTS(33, POSW + 1);
  `HW_PRODUCTS(by_position, 33, POSW + 1)
  `HW_PRODUCT_SUM(phase_of, 33, POSW + 1, 43, 0)
  // Sine and cosine of a turn's quarter `quarter` from those of the first.
  function [31:0] turned;
    input [1:0] quarter;
    input signed [15:0] sine, cosine;
    case (quarter)
      2'd0: turned = {sine, cosine};
      2'd1: turned = {cosine, -sine};
      2'd2: turned = {-sine, -cosine};
      default: turned = {-cosine, sine};
    endcase
  endfunction

  reg [POSW-1:0] position_q;
  reg running_q;
  reg [BW-1:0] beat_q;           // beat of frequencies that is read next
  reg [5:0] valid_q;             // beats in the stages: frequencies; their products with each digit; phases; words; words; products
  reg [PP*PB-1:0] product_q;
  reg [PP*32-1:0] phase_q;       // 2 bits of quarter, 8 of index, 16 of fraction, 6 that do not count
  wire [2*PP-1:0] quarter5;      // of stage 5
  wire [2*PP-1:0] quarters;
  wire [PP*32-1:0] omega;
  wire [2*PP*24-1:0] argument;
  wire [2*PP*VALUE_BITS-1:0] table_value;
  reg rot_valid_q;
  reg [PP*32-1:0] rot_data_q;
  wire reading = start || running_q;
  assign rot_valid = rot_valid_q;
  assign rot_data = rot_data_q;
  hw_rom #(.WIDTH(PP*32), .DEPTH(BEATS), .AW(BW), .FILE(OMEGA)) omega_rom (.clk(clk), .en(reading), .addr(beat_q), .data(omega));
  // Port 2i: the sine of the pair's argument; port 2i + 1: that of the rest of the quarter, whose index and fraction are the complements.
  genvar p;
  generate
    for (p = 0; p < PP; p = p + 1) begin : pair
      assign argument[48*p +: 24] = phase_q[32*p+6 +: 24];
      assign argument[48*p+24 +: 24] = ~phase_q[32*p+6 +: 24];
      assign quarters[2*p +: 2] = phase_q[32*p+30 +: 2];
    end
  endgenerate
  hw_delay #(.WIDTH(2*PP), .STAGES(3)) quarter_delay (.clk(clk), .enable(valid_q[4:2]), .in_data(quarters), .out_data(quarter5));
  hw_interpolate #(
    .PORTS(2*PP), .INDEX_BITS(8), .FRACTION_BITS(16), .VALUE_BITS(VALUE_BITS), .SLOPE_BITS(SLOPE_BITS), .WORD_STAGE(1), .RESULT_STAGE(0),
    .FILE(SIN)
  ) sine (.clk(clk), .in_valid(valid_q[2]), .argument(argument), .value(table_value));

  integer i;
  always @(posedge clk) begin
    valid_q <= {valid_q[4:0], reading};
    // The stages, last one first.
    rot_valid_q <= valid_q[5];
    if (valid_q[5]) for (i = 0; i < PP; i = i + 1)
      rot_data_q[32*i +: 32] <= turned(quarter5[2*i +: 2], $signed(table_value[2*i*VALUE_BITS +: VALUE_BITS]),
        $signed(table_value[(2*i+1)*VALUE_BITS +: VALUE_BITS]));
    if (valid_q[1]) for (i = 0; i < PP; i = i + 1) phase_q[32*i +: 32] <= phase_of(product_q[i*PB +: PB]);
    if (valid_q[0]) for (i = 0; i < PP; i = i + 1)
      product_q[i*PB +: PB] <= by_position($signed({1'b0, omega[32*i +: 32]}), $signed({1'b0, position_q}));
    if (start) position_q <= pos;
    if (reading) begin
      beat_q <= (beat_q == BEATS - 1) ? 0 : beat_q + 1;
      running_q <= beat_q != BEATS - 1;
    end
    if (rst) begin
      beat_q <= 0; running_q <= 0; valid_q <= 0; rot_valid_q <= 0;
    end
  end
endmodule
