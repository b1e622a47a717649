// As hw_probe for a group feed, a cycle after the number of a word: input i of word w of band j is element j * ROWS + w * GROUP + i.
module hw_probe_groups #(
  parameter PATH = "",                // path of the unit, as it is printed; where layers share it, up to the layer's number ...
  parameter FIRST = 0,                // ... which is this in the first round ...
  parameter STEP = 0,                 // ... and so many more in each further one; 0: the path is whole
  parameter REST = "",                // ... and what follows it
  parameter BANDS = 1,                // K-tile bands
  parameter GROUP = 32,               // inputs of a word
  parameter ROWS = 64,                // inputs of a band
  parameter LEN = 64,                 // elements of the vector
  parameter BITS = 12,                // of an element
  parameter WW = 2                    // bits of a word number
) (
  input [31:0] layer,                 // round of the token, from 0
  input clk,                          // clock: registers change at its rising edge
  input valid,                        // the number of a word comes
  input [WW-1:0] word,                // the number, from 0
  input [BANDS*GROUP*BITS-1:0] data,  // elements of the word before
  input [31:0] pos,                   // the token's position
  input [31:0] user                   // and user
);
  reg on, valid_q;
  reg [WW-1:0] word_q;
  integer j, i, at;
  initial on = $test$plusargs("probe");
  always @(posedge clk) begin
    valid_q <= valid;
    word_q <= word;
    if (on && valid_q)
      for (j = 0; j < BANDS; j = j + 1)
        for (i = 0; i < GROUP; i = i + 1) begin
          at = word_q * GROUP + i;
          if (at < ROWS && j * ROWS + at < LEN)
            if (STEP == 0) $display("probe %0s %0d %0d %0d %0d", PATH, pos, j * ROWS + at, $signed(data[(j*GROUP+i)*BITS +: BITS]), user);
            else $display("probe %0s%0d%0s %0d %0d %0d %0d", PATH, FIRST + STEP * layer, REST, pos, j * ROWS + at, $signed(data[(j*GROUP+i)*BITS +: BITS]), user);
        end
  end
endmodule
