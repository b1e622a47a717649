// Sigmoid of the gate, times up (numerics, section 8). First beat out 7 cycles after the first beat in; gate and up come together.
`include "hw_round.vh"
module hw_sigmoid #(
  parameter V = 8,               // lanes: elements a beat
  parameter GB = 16,             // bits of a gate element
  parameter UB = 16,             // bits of an up element
  parameter OB = 16,             // bits of an output element
  parameter signed [15:0] GATE_SHIFT = 0, // shift to the right from the gate's fraction to that of the table's argument
  parameter signed [15:0] SHIFT = 10, // shift to the right of the product of share and up
  parameter VALUE_BITS = 21,     // bits of a table word's value, signed, the lower part of the word
  parameter SLOPE_BITS = 16,     // bits of its slope, the next value less this one, signed, the upper part
  parameter SIGMOID = ""         // image of the table, 256 words: value, slope above
) (
  input clk,                     // clock: registers change at its rising edge
  input rst,                     // reset: synchronous, active high
  input in_valid,                // a beat of the gate and of up is on the ports
  input [V*GB-1:0] gate,         // V elements of GB bits, signed, lane 0 lowest
  input [V*UB-1:0] up,           // V elements of UB bits, signed, lane 0 lowest
  output out_valid,              // a beat is on out_data
  output [V*OB-1:0] out_data,    // V elements of OB bits, signed, lane 0 lowest; stands until the next
  output ovf                     // with out_valid: an element of the beat was too large for OB bits and was clamped
);
  localparam TB = VALUE_BITS + SLOPE_BITS;
  localparam MB = SLOPE_BITS + 9;
  localparam UD = `HW_DIGITS(UB);
  localparam SB = 22 + UB + 1;
  `HW_CUT(argument, GB + 2, GATE_SHIFT, 17)
  `HW_CUT(round, SB, SHIFT, OB)
  `HW_DIGIT(digit, UB)
  reg [6:1] v_q;                 // stages that hold a beat
  reg out_valid_q, ovf_q;
  reg [V*8-1:0] index_q;
  reg [V*OB-1:0] out_data_q;
  wire [V*8-1:0] index_d;
  wire [V*TB-1:0] word;
  wire [V*OB-1:0] out_data_d;
  wire [V-1:0] clamped;
  assign out_valid = out_valid_q;
  assign out_data = out_data_q;
  assign ovf = ovf_q;
  hw_rom #(.WIDTH(TB), .DEPTH(256), .AW(8), .PORTS(V), .FILE(SIGMOID)) table_rom (.clk(clk), .en(v_q[1]), .addr(index_q), .data(word));

  genvar l, j;
  generate
    for (l = 0; l < V; l = l + 1) begin : lane
      // The table's argument: the gate's magnitude.
      wire signed [GB-1:0] g = gate[l*GB +: GB];
      wire signed [GB+1:0] mag = $signed(g ^ {GB{g[GB-1]}}) + $signed({1'b0, g[GB-1]});
      wire [17:0] z = argument(mag + `HW_HALF(GATE_SHIFT));
      assign index_d[8*l +: 8] = z[15:8];
      reg [7:0] f1_q, f2_q;
      reg [4:1] below_q;         // the gate was below 0
      reg signed [MB-1:0] product_q;
      reg signed [VALUE_BITS-1:0] value_q;
      reg signed [21:0] half_q, share_q;
      reg [5*UB-1:0] up_q;       // stage s at s - 1
      wire signed [21:0] half_d = value_q + (product_q >>> 8) + $signed({1'b0, product_q[7]});
      wire signed [21:0] share_d = below_q[4] ? half_q : 22'sd1048576 - half_q;
      wire signed [SB-1:0] sums [0:UD];
      assign sums[0] = `HW_HALF(SHIFT);
      for (j = 0; j < UD; j = j + 1) begin : part
        reg signed [31:0] part_q;
        wire signed [31:0] part_d = share_q * digit($signed(up_q[4*UB +: UB]), j);
        wire signed [SB-1:0] wide = part_q;
        assign sums[j+1] = sums[j] + (wide <<< (9*j));
        always @(posedge clk) if (v_q[5]) part_q <= part_d;
      end
      wire [OB:0] y = round(sums[UD]);
      assign clamped[l] = y[OB];
      assign out_data_d[l*OB +: OB] = y[OB-1:0];
      always @(posedge clk) begin
        f1_q <= z[7:0];
        f2_q <= f1_q;
        below_q <= {below_q[3:1], g[GB-1]};
        product_q <= $signed(word[l*TB+VALUE_BITS +: SLOPE_BITS]) * $signed({1'b0, f2_q});
        value_q <= word[l*TB +: VALUE_BITS];
        half_q <= half_d;
        share_q <= share_d;
        up_q <= {up_q[4*UB-1:0], up[l*UB +: UB]};
      end
    end
  endgenerate

  always @(posedge clk) begin
    if (in_valid) index_q <= index_d;
    if (v_q[6]) out_data_q <= out_data_d;
    if (rst) begin
      v_q <= 0;
      out_valid_q <= 0;
      ovf_q <= 0;
    end else begin
      v_q <= {v_q[5:1], in_valid};
      out_valid_q <= v_q[6];
      ovf_q <= v_q[6] && |clamped;
    end
  end
endmodule
