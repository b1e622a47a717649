// Sum of two streams that come together, saturated. One cycle.
module hw_sum #(
  parameter V = 8,
  parameter AB = 32,
  parameter BB = 32,
  parameter OB = 32
) (
  input clk,
  input rst,
  input in_valid,
  input in_last,
  input in_ovf,
  input [V*AB-1:0] a,
  input [V*BB-1:0] b,
  output reg out_valid,
  output reg out_last,
  output reg [V*OB-1:0] out_data,
  output reg ovf
);
  localparam SB = ((AB > BB) ? ((AB > OB) ? AB : OB) : ((BB > OB) ? BB : OB)) + 1;
  reg signed [SB-1:0] s, most;
  reg [V*OB-1:0] y;
  reg clamped;
  integer l;
  always @(posedge clk) begin
    out_valid <= in_valid;
    out_last <= in_last;
    ovf <= in_ovf;
    if (in_valid) begin
      clamped = 0;
      most = 0;
      most[OB-2:0] = {(OB-1){1'b1}};
      for (l = 0; l < V; l = l + 1) begin
        s = $signed(a[l*AB +: AB]) + $signed(b[l*BB +: BB]);
        clamped = clamped | (s > most) | (s < -most);
        s = (s > most) ? most : (s < -most) ? -most : s;
        y[l*OB +: OB] = s[OB-1:0];
      end
      out_data <= y;
      ovf <= in_ovf | clamped;
    end
    if (rst) begin
      out_valid <= 0; out_last <= 0; ovf <= 0;
    end
  end
endmodule
