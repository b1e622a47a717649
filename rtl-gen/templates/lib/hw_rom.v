// Mask ROM: the one module a foundry macro replaces. Synchronous read, PORTS words a cycle.
module hw_rom #(
  parameter WIDTH = 8,
  parameter DEPTH = 2,
  parameter AW = 1,
  parameter PORTS = 1,
  parameter FILE = ""
) (
  input clk,
  input en,
  input [PORTS*AW-1:0] addr,
  output reg [PORTS*WIDTH-1:0] data
);
  reg [WIDTH-1:0] mem [0:DEPTH-1];
  reg [PORTS*WIDTH-1:0] next;
  integer p;
  initial $readmemh(FILE, mem);
  always @(posedge clk) begin
    if (en) begin
      for (p = 0; p < PORTS; p = p + 1) next[p*WIDTH +: WIDTH] = mem[addr[p*AW +: AW]];
      data <= next;
    end
  end
endmodule
