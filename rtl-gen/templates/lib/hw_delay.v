// A word that follows the stages of a pipeline, each of which takes it over in its own time.
module hw_delay #(
  parameter WIDTH = 8,           // bits of the word
  parameter STAGES = 2           // registers one after the other
) (
  input clk,                     // clock: registers change at its rising edge
  input [STAGES-1:0] enable,     // bit n: register n takes over what stands before it in this cycle
  input [WIDTH-1:0] in_data,     // before register 0
  output [WIDTH-1:0] out_data    // what stands in the last one
);
  reg [WIDTH-1:0] word_q [0:STAGES-1];
  assign out_data = word_q[STAGES-1];
  genvar n;
  generate
    for (n = 1; n < STAGES; n = n + 1) begin : later
      always @(posedge clk) if (enable[n]) word_q[n] <= word_q[n-1];
    end
  endgenerate
  always @(posedge clk) if (enable[0]) word_q[0] <= in_data;
endmodule
