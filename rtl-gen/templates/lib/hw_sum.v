// Sum of two streams that come together, saturated. One cycle.
`include "hw_round.vh"
module hw_sum #(
  parameter V = 8,               // lanes: elements a beat
  parameter AB = 32,             // bits of an element of `a`
  parameter BB = 32,             // bits of an element of `b`
  parameter OB = 32              // bits of an output element
) (
  input clk,                     // clock: registers change at its rising edge
  input rst,                     // reset: synchronous, active high
  input in_valid,                // beats are on `a` and `b`
  input in_last,                 // they are the last of their vectors
  input in_ovf,                  // one of them was clamped already
  input [V*AB-1:0] a,            // V elements of AB bits, signed
  input [V*BB-1:0] b,            // V elements of BB bits, signed
  output out_valid,              // a beat is on out_data
  output out_last,               // it is the last of the vector
  output [V*OB-1:0] out_data,    // V elements of OB bits, signed, lane 0 lowest
  output ovf                     // an element of this beat was clamped, here or before
);
  localparam SB = ((AB > BB) ? ((AB > OB) ? AB : OB) : ((BB > OB) ? BB : OB)) + 1;
  `HW_CLAMP(clamp, SB, OB)
  `HW_BEAT(sums, V, OB, input [V*AB-1:0] x; input [V*BB-1:0] y;, clamp($signed(x[lane*AB +: AB]) + $signed(y[lane*BB +: BB])))
  reg out_valid_q, out_last_q, ovf_q;
  reg [V*OB-1:0] out_data_q;
  assign out_valid = out_valid_q;
  assign out_last = out_last_q;
  assign out_data = out_data_q;
  assign ovf = ovf_q;
  always @(posedge clk) begin
    out_valid_q <= in_valid;
    out_last_q <= in_last;
    ovf_q <= in_ovf;
    if (in_valid) {ovf_q, out_data_q} <= sums(a, b) | {in_ovf, {(V*OB){1'b0}}};
    if (rst) begin
      out_valid_q <= 0; out_last_q <= 0; ovf_q <= 0;
    end
  end
endmodule
