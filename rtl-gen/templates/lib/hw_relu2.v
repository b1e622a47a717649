// ReLU^2 of the gate, times up (numerics, section 8). First beat out 5 cycles after the first beat in.
`include "hw_round.vh"
module hw_relu2 #(
  parameter V = 8,
  parameter GB = 16,
  parameter UB = 16,
  parameter OB = 16,
  parameter signed [15:0] FRAC = 0, // fractional bits of the gate
  parameter signed [15:0] SHIFT = 10
) (
  input clk,
  input rst,
  input in_valid,
  input [V*GB-1:0] gate,
  input [V*UB-1:0] up,
  output reg out_valid,
  output reg [V*OB-1:0] out_data,
  output reg ovf
);
  `HW_ROUND(root, 2 * GB, 16, GB)
  `HW_ROUND(round, GB + UB, 16, OB)
  reg v1, v2, v3, v4, flag3, flag4;
  reg signed [GB-1:0] g [0:V-1], h [0:V-1];
  reg signed [2*GB-1:0] square [0:V-1];
  reg signed [UB-1:0] u1 [0:V-1], u2 [0:V-1], u3 [0:V-1];
  reg signed [GB+UB-1:0] hu [0:V-1];
  reg [GB:0] rh;
  reg [OB:0] r;
  reg [V*OB-1:0] y;
  reg clamped;
  integer l;
  always @(posedge clk) begin
    v1 <= in_valid;
    v2 <= v1;
    v3 <= v2;
    v4 <= v3;
    out_valid <= v4;
    ovf <= 0;
    if (v4) begin
      clamped = flag4;
      for (l = 0; l < V; l = l + 1) begin
        r = round(hu[l], SHIFT);
        clamped = clamped | r[OB];
        y[l*OB +: OB] = r[OB-1:0];
      end
      out_data <= y;
      ovf <= clamped;
    end
    flag4 <= flag3;
    if (v3) for (l = 0; l < V; l = l + 1) hu[l] = h[l] * u3[l];
    if (v2) begin
      clamped = 0;
      for (l = 0; l < V; l = l + 1) begin
        rh = root(square[l], FRAC);
        clamped = clamped | rh[GB];
        h[l] = rh[GB-1:0];
        u3[l] = u2[l];
      end
      flag3 <= clamped;
    end
    if (v1) for (l = 0; l < V; l = l + 1) begin
      square[l] = g[l] * g[l];
      u2[l] = u1[l];
    end
    if (in_valid) for (l = 0; l < V; l = l + 1) begin
      g[l] = $signed(gate[l*GB +: GB]);
      if (g[l] < 0) g[l] = 0;
      u1[l] = up[l*UB +: UB];
    end
    if (rst) begin
      v1 <= 0; v2 <= 0; v3 <= 0; v4 <= 0; out_valid <= 0; ovf <= 0;
    end
  end
endmodule
