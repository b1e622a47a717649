// Probes: print a unit's output values, `probe <unit> <position> <index> <value> <user>`, when the simulation runs with +probe.
module hw_probe #(
  parameter PATH = "",           // path of the unit, as it is printed; where layers share it, up to the layer's number ...
  parameter FIRST = 0,           // ... which is this in the first round ...
  parameter STEP = 0,            // ... and so many more in each further one; 0: the path is whole
  parameter REST = "",           // ... and what follows it
  parameter V = 8,               // lanes: elements a beat
  parameter LEN = 64,            // elements of a vector
  parameter BITS = 16            // bits of an element
) (
  input [31:0] layer,            // round of the token, from 0
  input clk,                     // clock: registers change at its rising edge
  input valid,                   // a beat is on `data`
  input [V*BITS-1:0] data,       // V elements of BITS bits, signed
  input [31:0] pos,              // position of the token, from 0
  input [31:0] user              // number of the user
);
  reg on;
  integer at, l;
  initial begin
    on = $test$plusargs("probe");
    at = 0;
  end
  always @(posedge clk) if (on && valid) begin
    for (l = 0; l < V; l = l + 1)
      if (at + l < LEN) if (STEP == 0) $display("probe %0s %0d %0d %0d %0d", PATH, pos, at + l, $signed(data[l*BITS +: BITS]), user);
        else $display("probe %0s%0d%0s %0d %0d %0d %0d", PATH, FIRST + STEP * layer, REST, pos, at + l, $signed(data[l*BITS +: BITS]), user);
    at = (at + V >= LEN) ? 0 : at + V;
  end
endmodule
