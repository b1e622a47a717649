// GatedAct, SiLU (numerics, section 8). First beat out 9 cycles after the first beat in; gate and up come together.
`include "hw_round.vh"
module hw_gated_act #(
  parameter V = 8,               // lanes: elements a beat
  parameter GB = 16,             // bits of a gate element
  parameter UB = 16,             // bits of an up element
  parameter OB = 16,             // bits of an output element
  parameter signed [15:0] GATE_SHIFT = 0, // shift to the right from the gate's fraction to that of the table's argument
  parameter signed [15:0] SHIFT = 10, // shift to the right of the product of activation and up
  parameter VALUE_BITS = 21,     // bits of a table word's value, signed, the lower part of the word
  parameter SLOPE_BITS = 16,     // bits of its slope, the next value less this one, signed, the upper part
  parameter SIGMOID = ""         // image of the activation's table, 256 words: value, slope above
) (
  input clk,                     // clock: registers change at its rising edge
  input rst,                     // reset: synchronous, active high
  input in_valid,                // a beat of the gate and of up is on the ports
  input [V*GB-1:0] gate,         // V elements of GB bits, signed, lane 0 lowest
  input [V*UB-1:0] up,           // V elements of UB bits, signed, lane 0 lowest
  output out_valid,              // a beat is on out_data
  output [V*OB-1:0] out_data,    // V elements of OB bits, signed, lane 0 lowest
  output ovf                     // with out_valid: an element of the beat was too large for OB bits and was clamped
);
  localparam SIGMA = 22;         // bits of the sigmoid
  localparam GP = `HW_PARTS(GB, SIGMA);
  localparam UP = `HW_PARTS(GB, UB);
  `HW_CUT(argument, GB + 2, GATE_SHIFT, 17)
  `HW_CUT(round, GB + UB + 1, SHIFT, OB)
  `HW_PRODUCTS(by_sigma, GB, SIGMA)
  `HW_PRODUCT_SUM(sum_by_sigma, GB, SIGMA, GB + SIGMA, `HW_HALF(20))
  `HW_PRODUCTS(by_up, GB, UB)
  `HW_PRODUCT_SUM(sum_by_up, GB, UB, GB + UB + 1, `HW_HALF(SHIFT))

  // Where the table is asked for a gate element: at its magnitude.
  function [15:0] place;
    input signed [GB-1:0] g;
    reg signed [GB+1:0] magnitude; // and half of the last bit that is kept
    reg [17:0] rounded;
    begin
      magnitude = `HW_HALF(GATE_SHIFT);
      magnitude = magnitude + $signed(g ^ {GB{g[GB-1]}}) + $signed({1'b0, g[GB-1]});
      rounded = argument(magnitude);
      place = rounded[15:0];
    end
  endfunction
  // The sigmoid: the table's value where the gate is negative, else one less that.
  function signed [SIGMA-1:0] sigmoid_of;
    input negative;
    input signed [SIGMA-1:0] half;
    sigmoid_of = negative ? half : 22'sd1048576 - half;
  endfunction
  function signed [GB-1:0] activation;
    input [GP-1:0] products;
    reg signed [GB+SIGMA-1:0] sum;
    begin
      sum = sum_by_sigma(products);
      activation = sum >>> 20;
    end
  endfunction
  `HW_BEAT(results, V, OB, input [V*UP-1:0] products;, round(sum_by_up(products[lane*UP +: UP])))

  reg [8:1] valid_q;             // beats in the stages: place; word; slope's product; table's value; sigmoid; products; activation; products
  wire [8:0] valid = {valid_q, in_valid};
  reg [V*16-1:0] place_q;
  wire [V*VALUE_BITS-1:0] table_value; // of stage 4
  reg [V*SIGMA-1:0] sigma_q;
  reg [V*GP-1:0] by_sigma_q;
  reg [V*GB-1:0] activation_q;
  reg [V*UP-1:0] by_up_q;
  wire [V*GB-1:0] gate4;         // of stage 4
  reg [V*GB-1:0] gate5_q;
  wire [V*UB-1:0] up7;
  reg out_valid_q, ovf_q;
  reg [V*OB-1:0] out_data_q;
  assign out_valid = out_valid_q;
  assign out_data = out_data_q;
  assign ovf = ovf_q;
  hw_delay #(.WIDTH(V*GB), .STAGES(4)) gate_delay (.clk(clk), .enable(valid[3:0]), .in_data(gate), .out_data(gate4));
  hw_delay #(.WIDTH(V*UB), .STAGES(7)) up_delay (.clk(clk), .enable(valid[6:0]), .in_data(up), .out_data(up7));
  hw_interpolate #(.PORTS(V), .INDEX_BITS(8), .FRACTION_BITS(8), .VALUE_BITS(VALUE_BITS), .SLOPE_BITS(SLOPE_BITS), .FILE(SIGMOID)) sigmoid (
    .clk(clk), .in_valid(valid[1]), .argument(place_q), .value(table_value));

  integer l;
  always @(posedge clk) begin
    valid_q <= valid[7:0];
    // The stages, last one first.
    out_valid_q <= valid[8];
    ovf_q <= 0;
    if (valid[8]) {ovf_q, out_data_q} <= results(by_up_q);
    if (valid[7]) for (l = 0; l < V; l = l + 1)
      by_up_q[l*UP +: UP] <= by_up($signed(activation_q[l*GB +: GB]), $signed(up7[l*UB +: UB]));
    if (valid[6]) for (l = 0; l < V; l = l + 1) activation_q[l*GB +: GB] <= activation(by_sigma_q[l*GP +: GP]);
    if (valid[5]) for (l = 0; l < V; l = l + 1)
      by_sigma_q[l*GP +: GP] <= by_sigma($signed(gate5_q[l*GB +: GB]), $signed(sigma_q[l*SIGMA +: SIGMA]));
    if (valid[4]) begin
      gate5_q <= gate4;
      for (l = 0; l < V; l = l + 1)
        sigma_q[l*SIGMA +: SIGMA] <= sigmoid_of(gate4[l*GB+GB-1], $signed(table_value[l*VALUE_BITS +: VALUE_BITS]));
    end
    if (in_valid) for (l = 0; l < V; l = l + 1) place_q[l*16 +: 16] <= place($signed(gate[l*GB +: GB]));
    if (rst) begin
      valid_q <= 0; out_valid_q <= 0; ovf_q <= 0;
    end
  end
endmodule
