// Mask ROM of a unit that several layers share: DEPTH words for each, the layer above the address. A layer begins at a power of two; words
// between the layers are not there.
`include "hw_check.vh"
module hw_layer_rom #(
  parameter LAYERS = 2,          // layers
  parameter LW = 1,              // bits of a layer's number
  parameter WIDTH = 8,           // bits of a word
  parameter DEPTH = 2,           // words of a layer
  parameter AW = 1,              // bits of an address
  parameter FILE = ""            // image: a word a line, hexadecimal; an address, @ and hexadecimal, before a layer's first word
) (
  input clk,                     // clock: registers change at its rising edge
  input en,                      // read in this cycle
  input [LW-1:0] layer,          // the layer, from 0
  input [AW-1:0] addr,           // the word, from 0
  output [WIDTH-1:0] data        // from the next cycle until the one after the next read
);
  localparam RB = (DEPTH > 1) ? $clog2(DEPTH) : 1;
  `HW_REQUIRE(AW >= RB, hw_layer_rom_AW_is_too_small_for_DEPTH)
  generate
    if (LAYERS > 1) begin : several
      hw_rom #(.WIDTH(WIDTH), .DEPTH(LAYERS << RB), .AW(LW + RB), .FILE(FILE)) rom (
        .clk(clk), .en(en), .addr({layer, addr[RB-1:0]}), .data(data));
    end else begin : one
      hw_rom #(.WIDTH(WIDTH), .DEPTH(DEPTH), .AW(AW), .FILE(FILE)) rom (.clk(clk), .en(en), .addr(addr), .data(data));
    end
  endgenerate
endmodule
