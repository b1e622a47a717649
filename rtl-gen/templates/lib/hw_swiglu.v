// Clamped SwiGLU (numerics, section 8): gate and up are limited and up raised by one, then as hw_gated_act, a cycle later.
module hw_swiglu #(
  parameter V = 8,               // lanes: elements a beat
  parameter GB = 16,             // bits of a gate element
  parameter UB = 16,             // bits of an up element
  parameter OB = 16,             // bits of an output element
  parameter signed [15:0] GATE_SHIFT = 0, // shift to the right from the gate's fraction to that of the table's argument
  parameter signed [15:0] SHIFT = 10, // shift to the right of the product of activation and up
  parameter UP_FRAC = 0,         // fractional bits of up
  parameter [31:0] GATE_LIMIT = 0, // greatest gate, in its units
  parameter [31:0] UP_LIMIT = 0, // greatest magnitude of up, in its units
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
  localparam XB = ((UB > UP_FRAC + 1) ? UB : UP_FRAC + 1) + 1; // of up and one
  localparam signed [33:0] GATE_MOST = {2'b00, GATE_LIMIT};
  localparam signed [33:0] UP_MOST = {2'b00, UP_LIMIT};
  function [GB-1:0] limited_gate;
    input signed [33:0] x;
    limited_gate = (x > GATE_MOST) ? GATE_MOST : x;
  endfunction
  function [XB-1:0] limited_up;
    input signed [33:0] x;
    limited_up = ((x > UP_MOST) ? UP_MOST : (x < -UP_MOST) ? -UP_MOST : x) + (34'sd1 <<< UP_FRAC);
  endfunction
  reg valid_q;
  reg [V*GB-1:0] gate_q;
  reg [V*XB-1:0] up_q;
  integer l;
  always @(posedge clk) begin
    valid_q <= in_valid;
    if (in_valid) for (l = 0; l < V; l = l + 1) begin
      gate_q[l*GB +: GB] <= limited_gate($signed(gate[l*GB +: GB]));
      up_q[l*XB +: XB] <= limited_up($signed(up[l*UB +: UB]));
    end
    if (rst) valid_q <= 0;
  end
  hw_gated_act #(
    .V(V), .GB(GB), .UB(XB), .OB(OB), .GATE_SHIFT(GATE_SHIFT), .SHIFT(SHIFT), .VALUE_BITS(VALUE_BITS), .SLOPE_BITS(SLOPE_BITS), .SIGMOID(SIGMOID)
  ) act (
    .clk(clk), .rst(rst), .in_valid(valid_q), .gate(gate_q), .up(up_q), .out_valid(out_valid), .out_data(out_data), .ovf(ovf));
endmodule
