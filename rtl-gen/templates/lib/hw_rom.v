// Mask ROM: a module that a foundry macro replaces, and on an FPGA block RAM or, where it is shallow, look-up tables. Synchronous read, PORTS
// words a cycle.
`include "hw_check.vh"
module hw_rom #(
  parameter WIDTH = 8,           // bits of a word
  parameter DEPTH = 2,           // words
  parameter AW = 1,              // bits of an address
  parameter PORTS = 1,           // read ports, all of which read in the same cycle
  parameter FILE = ""            // image: a word a line, hexadecimal, word 0 first
) (
  input clk,                     // clock: registers change at its rising edge
  input en,                      // read in this cycle
  input [PORTS*AW-1:0] addr,     // an address a port, port 0 lowest
  output [PORTS*WIDTH-1:0] data  // a word a port, from the next cycle until the one after the next read
);
  `HW_REQUIRE((1 << AW) >= DEPTH, hw_rom_AW_is_too_small_for_DEPTH)
  reg [WIDTH-1:0] mem [0:DEPTH-1];
  reg [PORTS*WIDTH-1:0] data_q;  // no reset: those of an FPGA's block RAM have none
  integer p;
  assign data = data_q;
  `HW_IMAGE(FILE, mem)
  always @(posedge clk) if (en) for (p = 0; p < PORTS; p = p + 1) data_q[p*WIDTH +: WIDTH] <= mem[addr[p*AW +: AW]];
endmodule
