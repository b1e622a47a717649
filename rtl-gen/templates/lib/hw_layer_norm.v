// LayerNorm (numerics, section 4): the vector is centred, normalised, and a bias added where there is one.
// First beat out 2 * BEATS + 18 + TREE + MEAN_TREE cycles after the first beat in, with a bias two later.
`include "hw_layers.vh"
module hw_layer_norm #(
`ifdef HW_LAYERS
  parameter LAYERS = 1,          // layers that share the module, each with ROM of its own
  parameter LW = 1,              // bits of a layer's number
`endif
  parameter V = 8,               // lanes: elements a beat
  parameter LEN = 64,            // elements of a vector
  parameter IB = 32,             // bits of an input element
  parameter OB = 16,             // bits of an output element
  parameter QB = 80,             // bits of the sum of squares
  parameter [63:0] EPSILON = 1,  // added to the sum of squares, in its units
  parameter SHIFT = 19,          // shift to the right of the product with the gain
  parameter TREE = 1,            // adder stages of a beat's squares, eight to one each: ceil(log8 V), at least 1
  parameter GAIN_WORDS = 8,      // beats after which the gains repeat
  parameter VALUE_BITS = 19,     // bits of a table word's value, signed, the lower part of the word
  parameter SLOPE_BITS = 12,     // bits of its slope, the next value less this one, signed, the upper part
  parameter GAIN = "",           // image of the gains: a word a beat, V of 20 bits, signed
  parameter RSQRT = "",          // image of the table of 1/sqrt(x), 192 words: value, slope above
  parameter [19:0] MEAN_MANTISSA = 1, // 1 / LEN = MEAN_MANTISSA * 2^-MEAN_SHIFT
  parameter MEAN_SHIFT = 19,     // see MEAN_MANTISSA
  parameter MEAN_TREE = 1,       // adder stages of a beat's lanes for the mean, eight to one each
  parameter BIAS = 0,            // 1: a bias is added
  parameter BIASES = ""          // its image: a word a beat, V of 32 bits, signed
) (
`ifdef HW_LAYERS
  input [LW-1:0] layer,          // which of them the token is in, from 0
`endif
  input clk,                     // clock: registers change at its rising edge
  input rst,                     // reset: synchronous, active high
  input in_valid,                // a beat is on in_data
  input [V*IB-1:0] in_data,      // V elements of IB bits, signed, lane 0 lowest
  output out_valid,              // a beat is on out_data
  output [V*OB-1:0] out_data,    // V elements of OB bits, signed, lane 0 lowest
  output ovf                     // with out_valid: an element of the beat was too large for OB bits and was clamped
);
  localparam BEATS = (LEN + V - 1) / V;
  localparam BW = $clog2(BEATS + 1);
  wire centred_valid, normed_valid, centred_ovf, normed_ovf;
  wire [V*32-1:0] centred;
  wire [V*OB-1:0] normed;
  hw_centre #(.V(V), .LEN(LEN), .IB(IB), .MANTISSA(MEAN_MANTISSA), .SHIFT(MEAN_SHIFT), .TREE(MEAN_TREE)) centre (
    .clk(clk), .rst(rst), .in_valid(in_valid), .in_data(in_data), .out_valid(centred_valid), .out_data(centred), .ovf(centred_ovf));
  hw_rms_norm #(
`ifdef HW_LAYERS
    .LAYERS(LAYERS), .LW(LW),
`endif
    .V(V), .LEN(LEN), .GROUPS(1), .IB(32), .OB(OB), .QB(QB), .EPSILON(EPSILON), .SHIFT(SHIFT), .TREE(TREE),
    .GAIN_WORDS(GAIN_WORDS), .VALUE_BITS(VALUE_BITS), .SLOPE_BITS(SLOPE_BITS), .GAIN(GAIN), .RSQRT(RSQRT)
  ) norm (
`ifdef HW_LAYERS
    .layer(layer),
`endif
    .clk(clk), .rst(rst), .in_valid(centred_valid), .in_data(centred), .out_valid(normed_valid), .out_data(normed), .ovf(normed_ovf));
  generate
    if (BIAS != 0) begin : bias
      reg [BW-1:0] at;
      reg valid, flag;
      reg [V*OB-1:0] data;
      wire [V*32-1:0] b;
      wire last;
`ifdef HW_LAYERS
      hw_layer_rom #(.LAYERS(LAYERS), .LW(LW), .WIDTH(V*32), .DEPTH(BEATS), .AW(BW), .FILE(BIASES)) biases (.clk(clk), .layer(layer), .en(normed_valid), .addr(at), .data(b));
`else
      hw_rom #(.WIDTH(V*32), .DEPTH(BEATS), .AW(BW), .FILE(BIASES)) biases (.clk(clk), .en(normed_valid), .addr(at), .data(b));
`endif
      always @(posedge clk) begin
        valid <= normed_valid;
        data <= normed;
        flag <= normed_ovf || centred_ovf;
        if (normed_valid) at <= (at == BEATS - 1) ? 0 : at + 1;
        if (rst) begin
          at <= 0; valid <= 0; flag <= 0;
        end
      end
      hw_sum #(.V(V), .AB(OB), .BB(32), .OB(OB)) sum (
        .clk(clk), .rst(rst), .in_valid(valid), .in_last(1'b0), .in_ovf(flag), .a(data), .b(b),
        .out_valid(out_valid), .out_last(last), .out_data(out_data), .ovf(ovf));
    end else begin : no_bias
      assign out_valid = normed_valid;
      assign out_data = normed;
      assign ovf = normed_ovf || centred_ovf;
    end
  endgenerate
endmodule
