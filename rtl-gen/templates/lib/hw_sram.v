// SRAM: one read and one write port, the other module a foundry macro replaces. A read in the cycle of a write to the same
// address gives the old word; no unit relies on it.
module hw_sram #(
  parameter WIDTH = 8,
  parameter DEPTH = 2,
  parameter AW = 1
) (
  input clk,
  input we,
  input [AW-1:0] waddr,
  input [WIDTH-1:0] wdata,
  input re,
  input [AW-1:0] raddr,
  output reg [WIDTH-1:0] rdata
);
  reg [WIDTH-1:0] mem [0:DEPTH-1];
  always @(posedge clk) begin
    if (re) rdata <= mem[raddr];
    if (we) mem[waddr] <= wdata;
  end
endmodule
