// A vector less its mean (numerics, section 4, LayerNorm). First beat out BEATS + 6 cycles after the first beat in.
`include "hw_round.vh"
module hw_centre #(
  parameter V = 8,
  parameter LEN = 64,
  parameter IB = 32,
  parameter [19:0] MANTISSA = 1, // 1 / LEN = MANTISSA * 2^-SHIFT
  parameter SHIFT = 19
) (
  input clk,
  input rst,
  input in_valid,
  input [V*IB-1:0] in_data,
  output reg out_valid,
  output reg [V*32-1:0] out_data,
  output reg ovf
);
  localparam BEATS = (LEN + V - 1) / V;
  localparam BW = $clog2(BEATS + 1);
  localparam SB = IB + $clog2(LEN + V) + 1;
  `HW_ROUND_BY(round, SB + 21, SHIFT, IB + 2)
  reg [BW-1:0] count, rd, at1;
  reg v1, v2, last1, last2, last3, m1, play, p0;
  reg signed [IB-1:0] x1 [0:V-1];
  reg signed [SB-1:0] part, sum;
  reg fresh;
  reg signed [SB+20:0] product;
  reg signed [IB+1:0] mean;
  reg [IB+2:0] r;
  wire [V*IB-1:0] x;
  reg signed [IB+2:0] d, most;
  reg [V*32-1:0] y;
  reg clamped;
  integer l;
  hw_sram #(.WIDTH(V*IB), .DEPTH(BEATS), .AW(BW)) store (
    .clk(clk), .we(in_valid), .waddr(count), .wdata(in_data), .re(play), .raddr(rd), .rdata(x));

  always @(posedge clk) begin
    out_valid <= p0;
    ovf <= 0;
    if (p0) begin
      clamped = 0;
      most = 32'h7fffffff;
      for (l = 0; l < V; l = l + 1) begin
        d = (at1 * V + l < LEN) ? $signed(x[l*IB +: IB]) - mean : 0;
        clamped = clamped | (d > most) | (d < -most);
        d = (d > most) ? most : (d < -most) ? -most : d;
        y[l*32 +: 32] = d[31:0];
      end
      out_data <= y;
      ovf <= clamped;
    end
    p0 <= play;
    at1 <= rd;
    if (play) begin
      rd <= (rd == BEATS - 1) ? 0 : rd + 1;
      play <= rd != BEATS - 1;
    end
    if (m1) begin
      r = round(product);
      mean <= r[IB+1:0];
      play <= 1;
    end
    m1 <= last3;
    if (last3) product <= sum * $signed({1'b0, MANTISSA});
    if (v2) begin
      sum = (fresh ? 0 : sum) + part;
      fresh <= last2;
    end
    if (v1) begin
      part = 0;
      for (l = 0; l < V; l = l + 1) part = part + x1[l];
    end
    if (in_valid) begin
      for (l = 0; l < V; l = l + 1) x1[l] = in_data[l*IB +: IB];
      count <= (count == BEATS - 1) ? 0 : count + 1;
    end
    v1 <= in_valid; last1 <= in_valid && count == BEATS - 1;
    v2 <= v1; last2 <= last1;
    last3 <= last2;
    if (rst) begin
      count <= 0; rd <= 0; v1 <= 0; v2 <= 0; last1 <= 0; last2 <= 0; last3 <= 0; m1 <= 0; play <= 0; p0 <= 0; fresh <= 1;
      out_valid <= 0; ovf <= 0;
    end
  end
endmodule
