// ReLU^2 of the gate, times up (numerics, section 8). First beat out 5 cycles after the first beat in.
`include "hw_round.vh"
module hw_relu2 #(
  parameter V = 8,               // lanes: elements a beat
  parameter GB = 16,             // bits of a gate element
  parameter UB = 16,             // bits of an up element
  parameter OB = 16,             // bits of an output element
  parameter signed [15:0] FRAC = 0, // fractional bits of the gate
  parameter signed [15:0] SHIFT = 10 // shift to the right of the product of square and up
) (
  input clk,                     // clock: registers change at its rising edge
  input rst,                     // reset: synchronous, active high
  input in_valid,                // a beat of the gate and of up is on the ports
  input [V*GB-1:0] gate,         // V elements of GB bits, signed, lane 0 lowest
  input [V*UB-1:0] up,           // V elements of UB bits, signed, lane 0 lowest
  output reg out_valid,          // a beat is on out_data
  output reg [V*OB-1:0] out_data, // V elements of OB bits, signed, lane 0 lowest
  output reg ovf                 // with out_valid: an element of the beat was too large for OB bits and was clamped
);
  localparam GD = `HW_DIGITS(GB);
  localparam UD = `HW_DIGITS(UB);
  `HW_CUT(root, 2 * GB + 1, FRAC, GB)
  `HW_CUT(round, GB + UB + 1, SHIFT, OB)
  `HW_DIGIT(digit_gate, GB)
  `HW_DIGIT(digit_up, UB)
  `HW_GIVING(V, OB)
  reg v1, v2, v3, v4, flag3, flag4;
  reg signed [GB-1:0] g [0:V-1], h [0:V-1];
  reg signed [GB+9:0] gd [0:V*GD-1], hd [0:V*UD-1]; // products with each digit
  reg signed [2*GB:0] square;
  reg signed [UB-1:0] u1 [0:V-1], u2 [0:V-1], u3 [0:V-1];
  reg signed [GB+UB:0] hu [0:V-1], sum;
  reg [GB:0] rh;
  reg over;
  integer l, j;
  always @(posedge clk) begin
    v1 <= in_valid;
    v2 <= v1;
    v3 <= v2;
    v4 <= v3;
    out_valid <= v4;
    ovf <= 0;
    if (v4) begin
      for (l = 0; l < V; l = l + 1) begin
        sum = `HW_HALF(SHIFT);
        for (j = 0; j < UD; j = j + 1) sum = sum + (hd[l*UD+j] <<< (9*j));
        hu[l] = sum;
      end
      `HW_GIVE(V, OB, round(hu[l]))
      ovf <= clamped | flag4;
    end
    flag4 <= flag3;
    if (v3) for (l = 0; l < V; l = l + 1)
      for (j = 0; j < UD; j = j + 1) hd[l*UD+j] = h[l] * digit_up(u3[l], j);
    if (v2) begin
      over = 0;
      for (l = 0; l < V; l = l + 1) begin
        square = `HW_HALF(FRAC);
        for (j = 0; j < GD; j = j + 1) square = square + (gd[l*GD+j] <<< (9*j));
        rh = root(square);
        over = over | rh[GB];
        h[l] = rh[GB-1:0];
        u3[l] = u2[l];
      end
      flag3 <= over;
    end
    if (v1) for (l = 0; l < V; l = l + 1) begin
      for (j = 0; j < GD; j = j + 1) gd[l*GD+j] = g[l] * digit_gate(g[l], j);
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
