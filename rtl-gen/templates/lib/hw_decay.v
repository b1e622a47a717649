// Decay (numerics, section 11): the share of a state that stays, exp(-exp(rate) softplus(x)). First beat out 11 cycles after the first beat in.
`include "hw_round.vh"
`include "hw_layers.vh"
module hw_decay #(
`ifdef HW_LAYERS
  parameter LAYERS = 1,          // layers that share the module, each with ROM of its own
  parameter LW = 1,              // bits of a layer's number
`endif
  parameter V = 8,               // lanes: elements a beat
  parameter LEN = 8,             // elements of the vector
  parameter IB = 32,             // bits of an input element
  parameter signed [15:0] ARGUMENT_SHIFT = 0, // shift to the right from the input's fraction to that of the table's argument, 12 bits
  parameter signed [15:0] SOFTPLUS_SHIFT = 0, // the same to that of the table's values, 20 bits
  parameter SHIFT = 15,          // shift to the right of a product with a rate
  parameter SOFTPLUS_VALUE = 21, // bits of a value in the table of ln(1 + e^-x), signed
  parameter SOFTPLUS_SLOPE = 17, // bits of its slope, signed
  parameter EXP2_VALUE = 22,     // bits of a value in the table of 2^-x, signed
  parameter EXP2_SLOPE = 14,     // bits of its slope, signed
  parameter SOFTPLUS = "",       // image of the table of ln(1 + e^-x), 256 words: value, slope above
  parameter EXP2 = "",           // image of the table of 2^-x, 128 words: value, slope above
  parameter RATES = ""           // image of the rates: a word a beat, 20 bits a lane
) (
`ifdef HW_LAYERS
  input [LW-1:0] layer,          // which of them the token is in, from 0
`endif
  input clk,                     // clock: registers change at its rising edge
  input rst,                     // reset: synchronous, active high
  input in_valid,                // a beat is on in_data
  input [V*IB-1:0] in_data,      // V elements of IB bits, signed, lane 0 lowest
  output out_valid,              // a beat is on out_data
  output [V*22-1:0] out_data,    // V shares of 22 bits, 20 of them fraction, lane 0 lowest
  output ovf                     // never: a share of nothing is 0
);
  localparam BEATS = (LEN + V - 1) / V;
  localparam BW = $clog2(BEATS + 1);
  localparam ST = SOFTPLUS_VALUE + SOFTPLUS_SLOPE;
  localparam ET = EXP2_VALUE + EXP2_SLOPE;
  localparam D = `HW_DIGITS(21);
  localparam SB = 54;            // of a product of 32 by 21 bits, and its half
  `HW_CUT(argument, IB + 2, ARGUMENT_SHIFT, 17)
  `HW_CUT(positive, IB + 2, SOFTPLUS_SHIFT, 32)
  `HW_CUT(logarithm, SB, SHIFT, 26)
  `HW_DIGIT(digit, 21)
  reg [10:1] v_q;                // stages that hold a beat
  reg out_valid_q;
  reg [BW-1:0] beat_q;           // beat whose rates are read next
  reg [V*8-1:0] index_q;
  reg [V*22-1:0] out_data_q;
  wire [BW-1:0] beat_d = (beat_q == BEATS - 1) ? 0 : beat_q + 1;
  wire [V*8-1:0] index_d;
  wire [V*7-1:0] power_index;
  wire [V*ST-1:0] softplus_word;
  wire [V*ET-1:0] power_word;
  wire [V*20-1:0] rates;
  reg [V*20-1:0] rates_q;        // in stage 5, beside softplus
  wire [V*22-1:0] out_data_d;
  assign out_valid = out_valid_q;
  assign out_data = out_data_q;
  assign ovf = 0;
  hw_rom #(.WIDTH(ST), .DEPTH(256), .AW(8), .PORTS(V), .FILE(SOFTPLUS)) softplus_rom (.clk(clk), .en(v_q[1]), .addr(index_q), .data(softplus_word));
  hw_rom #(.WIDTH(ET), .DEPTH(128), .AW(7), .PORTS(V), .FILE(EXP2)) power_rom (.clk(clk), .en(v_q[7]), .addr(power_index), .data(power_word));
`ifdef HW_LAYERS
  hw_layer_rom #(.LAYERS(LAYERS), .LW(LW), .WIDTH(V*20), .DEPTH(BEATS), .AW(BW), .FILE(RATES)) rate_rom (.clk(clk), .layer(layer), .en(v_q[3]), .addr(beat_q), .data(rates));
`else
  hw_rom #(.WIDTH(V*20), .DEPTH(BEATS), .AW(BW), .FILE(RATES)) rate_rom (.clk(clk), .en(v_q[3]), .addr(beat_q), .data(rates));
`endif

  genvar l, j;
  generate
    for (l = 0; l < V; l = l + 1) begin : lane
      wire signed [IB-1:0] x = in_data[l*IB +: IB];
      wire signed [IB+1:0] mag = $signed(x ^ {IB{x[IB-1]}}) + $signed({1'b0, x[IB-1]});
      wire signed [IB+1:0] above = x[IB-1] ? 0 : x;
      wire [17:0] z = argument(mag + `HW_HALF(ARGUMENT_SHIFT));
      wire [32:0] p = positive(above + `HW_HALF(SOFTPLUS_SHIFT));
      assign index_d[8*l +: 8] = z[15:8];
      reg [7:0] f1_q, f2_q;
      reg [30:0] positive1_q, positive2_q, positive3_q, positive4_q;
      reg signed [SOFTPLUS_SLOPE+8:0] product_q;
      reg signed [SOFTPLUS_VALUE-1:0] value_q;
      reg [20:0] small_q;
      reg [30:0] softplus_q;
      wire signed [SOFTPLUS_VALUE:0] small_d = value_q + (product_q >>> 8) + $signed({1'b0, product_q[7]});
      wire [31:0] total = positive4_q + small_q;
      wire signed [31:0] factor = {1'b0, softplus_q};
      wire signed [20:0] rate = {1'b0, rates_q[l*20 +: 20]};
      wire signed [SB-1:0] sums [0:D];
      assign sums[0] = `HW_HALF(SHIFT);
      for (j = 0; j < D; j = j + 1) begin : part
        reg signed [41:0] part_q;
        wire signed [SB-1:0] wide = part_q;
        assign sums[j+1] = sums[j] + (wide <<< (9*j));
        always @(posedge clk) if (v_q[5]) part_q <= factor * digit(rate, j);
      end
      wire [26:0] scaled = logarithm(sums[D]);
      reg [24:0] logarithm_q;
      reg [12:0] g_q;
      reg [4:0] i7_q, i8_q, i9_q;
      reg signed [EXP2_SLOPE+13:0] step_q;
      reg signed [EXP2_VALUE-1:0] power_q, share_q;
      assign power_index[7*l +: 7] = logarithm_q[19:13];
      wire [21:0] shifted = share_q >> i9_q;
      wire half = (i9_q != 0) && share_q[i9_q - 5'd1];
      assign out_data_d[l*22 +: 22] = shifted + {21'd0, half};
      always @(posedge clk) begin
        f1_q <= z[7:0];
        f2_q <= f1_q;
        positive1_q <= p[30:0];
        positive2_q <= positive1_q;
        positive3_q <= positive2_q;
        positive4_q <= positive3_q;
        product_q <= $signed(softplus_word[l*ST+SOFTPLUS_VALUE +: SOFTPLUS_SLOPE]) * $signed({1'b0, f2_q});
        value_q <= softplus_word[l*ST +: SOFTPLUS_VALUE];
        small_q <= small_d[20:0];
        softplus_q <= total[31] ? 31'h7fffffff : total[30:0];
        logarithm_q <= scaled[24:0];
        g_q <= logarithm_q[12:0];
        i7_q <= (logarithm_q[24:20] > 22) ? 5'd22 : logarithm_q[24:20];
        step_q <= $signed(power_word[l*ET+EXP2_VALUE +: EXP2_SLOPE]) * $signed({1'b0, g_q});
        power_q <= power_word[l*ET +: EXP2_VALUE];
        i8_q <= i7_q;
        share_q <= power_q + (step_q >>> 13) + $signed({1'b0, step_q[12]});
        i9_q <= i8_q;
      end
    end
  endgenerate

  always @(posedge clk) begin
    if (in_valid) index_q <= index_d;
    if (v_q[4]) rates_q <= rates;
    if (v_q[10]) out_data_q <= out_data_d;
    if (rst) begin
      v_q <= 0;
      out_valid_q <= 0;
      beat_q <= 0;
    end else begin
      v_q <= {v_q[9:1], in_valid};
      out_valid_q <= v_q[10];
      if (v_q[3]) beat_q <= beat_d;
    end
  end
endmodule
