// SRAM: one read and one write port, the other module a foundry macro replaces. A read in the cycle of a write to the same
// address gives the old word here; no unit relies on it, and the attribute spares an FPGA the logic that would make it so.
`include "hw_check.vh"
module hw_sram #(
  parameter WIDTH = 8,           // bits of a word
  parameter DEPTH = 2,           // words
  parameter AW = 1               // bits of an address
) (
  input clk,                     // clock: registers change at its rising edge
  input we,                      // write in this cycle
  input [AW-1:0] waddr,          // where
  input [WIDTH-1:0] wdata,       // what
  input re,                      // read in this cycle
  input [AW-1:0] raddr,          // where
  output [WIDTH-1:0] rdata       // the word, from the next cycle until the one after the next read
);
  `HW_REQUIRE((1 << AW) >= DEPTH, hw_sram_AW_is_too_small_for_DEPTH)
  (* no_rw_check *) reg [WIDTH-1:0] mem [0:DEPTH-1];
  reg [WIDTH-1:0] rdata_q;
  assign rdata = rdata_q;
  always @(posedge clk) begin
    if (re) rdata_q <= mem[raddr];
    if (we) mem[waddr] <= wdata;
  end
endmodule
