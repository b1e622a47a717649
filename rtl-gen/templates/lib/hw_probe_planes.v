// As hw_probe for a bit feed: element k once its last bit has been played.
module hw_probe_planes #(
  parameter PATH = "",           // path of the unit, as it is printed
  parameter LEN = 64,            // elements of a vector
  parameter BITS = 12            // bits of an element
) (
  input clk,                     // clock: registers change at its rising edge
  input valid,                   // a plane is on the ports
  input last,                    // it is the last one of the vector
  input [LEN-1:0] plane,         // one bit of every element, element 0 lowest
  input [31:0] pos,              // position of the token, from 0
  input [31:0] user              // number of the user
);
  reg on;
  reg [BITS-1:0] seen [0:LEN-1];
  integer k;
  initial on = $test$plusargs("probe");
  always @(posedge clk) if (on && valid)
    for (k = 0; k < LEN; k = k + 1) begin
      seen[k] = {seen[k][BITS-2:0], plane[k]};
      if (last) $display("probe %0s %0d %0d %0d %0d", PATH, pos, k, $signed(seen[k]), user);
    end
endmodule
