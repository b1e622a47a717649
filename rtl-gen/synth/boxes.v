// What stays outside: macros take the place of ROM and SRAM, and the census counts their bits. hw_chain_bit is a step of adders.v.
(* blackbox *) module hw_rom #(parameter WIDTH = 8, parameter DEPTH = 2, parameter AW = 1, parameter PORTS = 1, parameter FILE = "")
  (input clk, input en, input [PORTS*AW-1:0] addr, output [PORTS*WIDTH-1:0] data); endmodule
(* blackbox *) module hw_sram #(parameter WIDTH = 8, parameter DEPTH = 2, parameter AW = 1)
  (input clk, input we, input [AW-1:0] waddr, input [WIDTH-1:0] wdata, input re, input [AW-1:0] raddr, output [WIDTH-1:0] rdata); endmodule
(* blackbox *) module hw_chain_bit #(parameter ODD = 0) (input a, input b, input c, output co, output s); endmodule
