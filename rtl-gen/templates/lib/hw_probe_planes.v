// As hw_probe for a bit feed: element k once its last bit has been played.
module hw_probe_planes #(
  parameter PATH = "",           // path of the unit, as it is printed; where layers share it, up to the layer's number ...
  parameter FIRST = 0,           // ... which is this in the first round ...
  parameter STEP = 0,            // ... and so many more in each further one; 0: the path is whole
  parameter REST = "",           // ... and what follows it
  parameter LEN = 64,            // elements of a vector
  parameter BITS = 12            // bits of an element
) (
  input [31:0] layer,            // round of the token, from 0
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
      if (last) if (STEP == 0) $display("probe %0s %0d %0d %0d %0d", PATH, pos, k, $signed(seen[k]), user);
        else $display("probe %0s%0d%0s %0d %0d %0d %0d", PATH, FIRST + STEP * layer, REST, pos, k, $signed(seen[k]), user);
    end
endmodule
