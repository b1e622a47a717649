// Sum of two streams that come together, saturated. One cycle.
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
  output reg out_valid,          // a beat is on out_data
  output reg out_last,           // it is the last of the vector
  output reg [V*OB-1:0] out_data, // V elements of OB bits, signed, lane 0 lowest
  output reg ovf                 // an element of this beat was clamped, here or before
);
  localparam SB = ((AB > BB) ? ((AB > OB) ? AB : OB) : ((BB > OB) ? BB : OB)) + 1;
  reg signed [SB-1:0] s, most;
  reg [V*OB-1:0] y;
  reg clamped;
  integer l;
  always @(posedge clk) begin
    out_valid <= in_valid;
    out_last <= in_last;
    ovf <= in_ovf;
    if (in_valid) begin
      clamped = 0;
      most = 0;
      most[OB-2:0] = {(OB-1){1'b1}};
      for (l = 0; l < V; l = l + 1) begin
        s = $signed(a[l*AB +: AB]) + $signed(b[l*BB +: BB]);
        clamped = clamped | (s > most) | (s < -most);
        s = (s > most) ? most : (s < -most) ? -most : s;
        y[l*OB +: OB] = s[OB-1:0];
      end
      out_data <= y;
      ovf <= in_ovf | clamped;
    end
    if (rst) begin
      out_valid <= 0; out_last <= 0; ovf <= 0;
    end
  end
endmodule
