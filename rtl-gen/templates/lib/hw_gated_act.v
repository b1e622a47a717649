// GatedAct, SiLU (numerics, section 8). First beat out 9 cycles after the first beat in; gate and up come together.
`include "hw_round.vh"
module hw_gated_act #(
  parameter V = 8,               // lanes: elements a beat
  parameter GB = 16,             // bits of a gate element
  parameter UB = 16,             // bits of an up element
  parameter OB = 16,             // bits of an output element
  parameter signed [15:0] GATE_SHIFT = 0, // shift to the right from the gate's fraction to that of the table's argument
  parameter signed [15:0] SHIFT = 10, // shift to the right of the product of activation and up
  parameter VALUE_BITS = 21,     // bits of a table word's value, signed, the lower part of the word
  parameter SLOPE_BITS = 16,     // bits of its slope, the next value less this one, signed, the upper part
  parameter SIGMOID = ""         // image of the activation's table, 256 words: value, slope above
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
  localparam TB = VALUE_BITS + SLOPE_BITS;
  localparam MB = SLOPE_BITS + 9;
  localparam SD = `HW_DIGITS(22);
  localparam UD = `HW_DIGITS(UB);
  `HW_CUT(argument, GB + 2, GATE_SHIFT, 17)
  `HW_CUT(round, GB + UB + 1, SHIFT, OB)
  `HW_DIGIT(digit_sigma, 22)
  `HW_DIGIT(digit_up, UB)
  `HW_GIVING(V, OB)
  reg [8:1] v;
  reg signed [GB-1:0] g1 [0:8*V-1]; // g1[s * V + l]: the gate in stage s
  reg signed [UB-1:0] u1 [0:8*V-1];
  reg [15:0] z [0:V-1];
  reg [7:0] f [0:V-1];
  reg [V*8-1:0] index;
  wire [V*TB-1:0] word;
  reg signed [MB-1:0] product [0:V-1];
  reg signed [VALUE_BITS-1:0] value [0:V-1];
  reg signed [21:0] half [0:V-1], sigma [0:V-1];
  reg signed [GB+9:0] gd [0:V*SD-1];        // products with each digit
  reg signed [GB+21:0] gs;
  reg signed [GB-1:0] h [0:V-1];
  reg signed [GB+9:0] hd [0:V*UD-1];
  reg signed [GB+UB:0] hu [0:V-1], sum;
  reg signed [GB-1:0] g0;
  reg signed [GB+1:0] mag;
  reg [17:0] rz;
  reg [V*8-1:0] index_next;
  integer l, s, j;
  hw_rom #(.WIDTH(TB), .DEPTH(256), .AW(8), .PORTS(V), .FILE(SIGMOID)) table_rom (.clk(clk), .en(v[1]), .addr(index), .data(word));

  always @(posedge clk) begin
    v <= {v[7:1], in_valid};
    out_valid <= v[8];
    ovf <= 0;
    if (v[8]) begin
      for (l = 0; l < V; l = l + 1) begin
        sum = `HW_HALF(SHIFT);
        for (j = 0; j < UD; j = j + 1) sum = sum + (hd[l*UD+j] <<< (9*j));
        hu[l] = sum;
      end
      `HW_GIVE(V, OB, round(hu[l]))
    end
    if (v[7]) for (l = 0; l < V; l = l + 1)
      for (j = 0; j < UD; j = j + 1) hd[l*UD+j] = h[l] * digit_up(u1[7*V+l], j);
    if (v[6]) for (l = 0; l < V; l = l + 1) begin
      gs = `HW_HALF(20);
      for (j = 0; j < SD; j = j + 1) gs = gs + (gd[l*SD+j] <<< (9*j));
      h[l] = gs >>> 20;
    end
    if (v[5]) for (l = 0; l < V; l = l + 1)
      for (j = 0; j < SD; j = j + 1) gd[l*SD+j] = g1[5*V+l] * digit_sigma(sigma[l], j);
    if (v[4]) for (l = 0; l < V; l = l + 1) sigma[l] = (g1[4*V+l] < 0) ? half[l] : 22'sd1048576 - half[l];
    if (v[3]) for (l = 0; l < V; l = l + 1) half[l] = value[l] + (product[l] >>> 8) + (product[l][7] ? 1 : 0);
    if (v[2]) for (l = 0; l < V; l = l + 1) begin
      product[l] = $signed(word[l*TB+VALUE_BITS +: SLOPE_BITS]) * $signed({1'b0, f[l]});
      value[l] = word[l*TB +: VALUE_BITS];
    end
    if (v[1]) for (l = 0; l < V; l = l + 1) f[l] = z[l][7:0];
    if (in_valid) begin
      for (l = 0; l < V; l = l + 1) begin
        g0 = gate[l*GB +: GB];
        mag = `HW_HALF(GATE_SHIFT);
        mag = mag + $signed(g0 ^ {GB{g0[GB-1]}}) + $signed({1'b0, g0[GB-1]}); // half and |g|
        rz = argument(mag);
        z[l] = rz[15:0];
        index_next[8*l +: 8] = z[l][15:8];
      end
      index <= index_next;
    end
    for (s = 7; s >= 2; s = s - 1)
      if (v[s-1]) for (l = 0; l < V; l = l + 1) begin
        g1[s*V+l] = g1[(s-1)*V+l];
        u1[s*V+l] = u1[(s-1)*V+l];
      end
    if (in_valid) for (l = 0; l < V; l = l + 1) begin
      g1[V+l] = gate[l*GB +: GB];
      u1[V+l] = up[l*UB +: UB];
    end
    if (rst) begin
      v <= 0; out_valid <= 0; ovf <= 0;
    end
  end
endmodule
