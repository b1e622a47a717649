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
  output [HEADS*P*21-1:0] p      // unit h * P + i: 2^(score - greatest), 21 bits, 20 of them fraction; 0 where the mask is 0
);
  localparam UNITS = HEADS * P;
  // What a score lies below the greatest, 16 bits of it fraction, which come from the table.
  function signed [32:0] below;
    input signed [31:0] most;
    input signed [31:0] unit_score;
    below = most - unit_score;
  endfunction
  // Whole part of it: places to the right, 22 at most.
  function [4:0] places;
    input [32:0] difference;
    places = (difference[32:16] > 22) ? 5'd22 : difference[20:16];
  endfunction
  // Shifted to the right, rounded half up.
  function [20:0] shifted;
    input [VALUE_BITS-1:0] x;
    input [4:0] by;
    shifted = (x >> by) + (by != 0 && x[by-5'd1]);
  endfunction

  reg [4:1] valid_q;             // scores in the stages: place; word; slope's product; table's value
  wire [4:0] valid = {valid_q, in_valid};
  reg [4*P-1:0] mask_q;          // their masks
  reg [UNITS*16-1:0] place_q;    // where the table is asked
  reg [UNITS*5-1:0] shift_q;
  wire [UNITS*5-1:0] shift4;     // of stage 4
  wire [UNITS*VALUE_BITS-1:0] table_value; // of stage 4
  reg [UNITS*21-1:0] p_q;
  assign p = p_q;
  hw_delay #(.WIDTH(UNITS*5), .STAGES(3)) delay (.clk(clk), .enable(valid[3:1]), .in_data(shift_q), .out_data(shift4));
  hw_interpolate #(
    .PORTS(UNITS), .ENTRIES(128), .INDEX_BITS(7), .FRACTION_BITS(9), .VALUE_BITS(VALUE_BITS), .SLOPE_BITS(SLOPE_BITS), .FILE(EXP2)
  ) exp2 (.clk(clk), .in_valid(valid[1]), .argument(place_q), .value(table_value));

  integer u;
  always @(posedge clk) begin
    valid_q <= valid[3:0];
    mask_q <= {mask_q, in_mask};
    // The stages, last one first.
    if (valid[4]) for (u = 0; u < UNITS; u = u + 1)
      p_q[u*21 +: 21] <= mask_q[3*P+u%P] ? shifted(table_value[u*VALUE_BITS +: VALUE_BITS], shift4[u*5 +: 5]) : 21'd0;
    if (in_valid) for (u = 0; u < UNITS; u = u + 1) begin
      place_q[u*16 +: 16] <= below($signed(greatest[(u/P)*32 +: 32]), $signed(score[u*32 +: 32]));
      shift_q[u*5 +: 5] <= places(below($signed(greatest[(u/P)*32 +: 32]), $signed(score[u*32 +: 32])));
    end
  end
endmodule
