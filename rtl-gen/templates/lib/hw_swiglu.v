// Clamped SwiGLU (numerics, section 8): gate and up are limited and up raised by one, then as hw_gated_act, a cycle later.
module hw_swiglu #(
  parameter V = 8,
  parameter GB = 16,
  parameter UB = 16,
  parameter OB = 16,
  parameter signed [15:0] GATE_SHIFT = 0,
  parameter signed [15:0] SHIFT = 10,
  parameter UP_FRAC = 0,
  parameter [31:0] GATE_LIMIT = 0,
  parameter [31:0] UP_LIMIT = 0,
  parameter VALUE_BITS = 21,
  parameter SLOPE_BITS = 16,
  parameter SIGMOID = ""
) (
  input clk,
  input rst,
  input in_valid,
  input [V*GB-1:0] gate,
  input [V*UB-1:0] up,
  output out_valid,
  output [V*OB-1:0] out_data,
  output ovf
);
  localparam XB = ((UB > UP_FRAC + 1) ? UB : UP_FRAC + 1) + 1; // of up and one
  reg valid;
  reg [V*GB-1:0] g;
  reg [V*XB-1:0] u;
  reg signed [33:0] a, limit;
  integer l;
  always @(posedge clk) begin
    valid <= in_valid;
    if (in_valid) for (l = 0; l < V; l = l + 1) begin
      a = $signed(gate[l*GB +: GB]);
      limit = $signed({2'b00, GATE_LIMIT});
      if (a > limit) a = limit;
      g[l*GB +: GB] <= a[GB-1:0];
      a = $signed(up[l*UB +: UB]);
      limit = $signed({2'b00, UP_LIMIT});
      a = (a > limit) ? limit : (a < -limit) ? -limit : a;
      a = a + (34'sd1 <<< UP_FRAC);
      u[l*XB +: XB] <= a[XB-1:0];
    end
    if (rst) valid <= 0;
  end
  hw_gated_act #(
    .V(V), .GB(GB), .UB(XB), .OB(OB), .GATE_SHIFT(GATE_SHIFT), .SHIFT(SHIFT), .VALUE_BITS(VALUE_BITS), .SLOPE_BITS(SLOPE_BITS), .SIGMOID(SIGMOID)
  ) act (
    .clk(clk), .rst(rst), .in_valid(valid), .gate(g), .up(u), .out_valid(out_valid), .out_data(out_data), .ovf(ovf));
endmodule
