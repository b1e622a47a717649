// As hw_probe for a row feed: row r of band j is element j * ROWS + r.
module hw_probe_rows #(
  parameter PATH = "",           // path of the unit, as it is printed; where layers share it, up to the layer's number ...
  parameter FIRST = 0,           // ... which is this in the first round ...
  parameter STEP = 0,            // ... and so many more in each further one; 0: the path is whole
  parameter REST = "",           // ... and what follows it
  parameter BANDS = 1,           // K-tile bands
  parameter ROWS = 64,           // rows of a band that hold weights
  parameter LEN = 64,            // elements of a vector
  parameter BITS = 12,           // bits of an activation
  parameter RW = 6               // bits of a row number
) (
  input [31:0] layer,            // round of the token, from 0
  input clk,                     // clock: registers change at its rising edge
  input valid,                   // a row is on the ports
  input [RW-1:0] row,            // its number, from 0
  input [BANDS*BITS-1:0] data,   // an activation of each band, signed
  input [31:0] pos,              // position of the token, from 0
  input [31:0] user              // number of the user
);
  reg on;
  integer j;
  initial on = $test$plusargs("probe");
  always @(posedge clk) if (on && valid)
    for (j = 0; j < BANDS; j = j + 1)
      if (row < ROWS && j * ROWS + row < LEN)
        if (STEP == 0) $display("probe %0s %0d %0d %0d %0d", PATH, pos, j * ROWS + row, $signed(data[j*BITS +: BITS]), user);
        else $display("probe %0s%0d%0s %0d %0d %0d %0d", PATH, FIRST + STEP * layer, REST, pos, j * ROWS + row, $signed(data[j*BITS +: BITS]), user);
endmodule
