// ReLU^2 of the gate, times up (numerics, section 8). First beat out 5 cycles after the first beat in.
`include "hw_round.vh"
module hw_relu2 #(
  parameter V = 8,               // lanes: elements a beat
  parameter GB = 16,             // bits of a gate element
  parameter UB = 16,             // bits of an up element
  parameter OB = 16,             // bits of an output element
  parameter signed [15:0] FRAC = 0, // fractional bits of the gate
  parameter signed [15:0] SHIFT = 10 // shift to the right of the product of square and up
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
  localparam GP = `HW_PARTS(GB, GB);
  localparam UP = `HW_PARTS(GB, UB);
  `HW_CUT(root, 2 * GB + 1, FRAC, GB)
  `HW_CUT(round, GB + UB + 1, SHIFT, OB)
  `HW_PRODUCTS(by_gate, GB, GB)
  `HW_PRODUCT_SUM(square, GB, GB, 2 * GB + 1, `HW_HALF(FRAC))
  `HW_PRODUCTS(by_up, GB, UB)
  `HW_PRODUCT_SUM(sum_by_up, GB, UB, GB + UB + 1, `HW_HALF(SHIFT))
  `HW_BEAT(squares, V, GB, input [V*GP-1:0] products;, root(square(products[lane*GP +: GP])))
  `HW_BEAT(results, V, OB, input [V*UP-1:0] products;, round(sum_by_up(products[lane*UP +: UP])))

  reg [4:1] valid_q;             // beats in the stages: positive part; products with itself; square; products with up
  wire [4:0] valid = {valid_q, in_valid};
  reg [V*GB-1:0] gate_q, square_q;
  reg [V*GP-1:0] by_gate_q;
  reg [V*UP-1:0] by_up_q;
  wire [V*UB-1:0] up3;           // of stage 3
  reg clamped3_q, clamped4_q;    // a square of stage 3, 4
  reg out_valid_q, ovf_q;
  reg [V*OB-1:0] out_data_q;
  assign out_valid = out_valid_q;
  assign out_data = out_data_q;
  assign ovf = ovf_q;
  hw_delay #(.WIDTH(V*UB), .STAGES(3)) up_delay (.clk(clk), .enable(valid[2:0]), .in_data(up), .out_data(up3));

  integer l;
  always @(posedge clk) begin
    valid_q <= valid[3:0];
    // The stages, last one first.
    out_valid_q <= valid[4];
    ovf_q <= 0;
    if (valid[4]) {ovf_q, out_data_q} <= results(by_up_q) | {clamped4_q, {(V*OB){1'b0}}};
    clamped4_q <= clamped3_q;
    if (valid[3]) for (l = 0; l < V; l = l + 1)
      by_up_q[l*UP +: UP] <= by_up($signed(square_q[l*GB +: GB]), $signed(up3[l*UB +: UB]));
    if (valid[2]) {clamped3_q, square_q} <= squares(by_gate_q);
    if (valid[1]) for (l = 0; l < V; l = l + 1)
      by_gate_q[l*GP +: GP] <= by_gate($signed(gate_q[l*GB +: GB]), $signed(gate_q[l*GB +: GB]));
    if (in_valid) for (l = 0; l < V; l = l + 1) gate_q[l*GB +: GB] <= gate[l*GB+GB-1] ? {GB{1'b0}} : gate[l*GB +: GB];
    if (rst) begin
      valid_q <= 0; out_valid_q <= 0; ovf_q <= 0;
    end
  end
endmodule
