// RmsNorm (numerics, section 4). First beat out BEATS + 14 + TREE + GROUPS - 1 cycles after the first beat in.
`include "hw_round.vh"
`include "hw_check.vh"
`include "hw_layers.vh"
module hw_rms_norm #(
`ifdef HW_LAYERS
  parameter LAYERS = 1,          // layers that share the module, each with ROM of its own
  parameter LW = 1,              // bits of a layer's number
`endif
  parameter V = 8,               // lanes: elements a beat
  parameter LEN = 64,            // elements of a vector
  parameter GROUPS = 1,          // parts of the vector that are normalised by themselves
  parameter IB = 32,             // bits of an input element
  parameter OB = 16,             // bits of an output element
  parameter QB = 80,             // bits of the sum of squares
  parameter [63:0] EPSILON = 1,  // added to the sum of squares, in its units
  parameter SHIFT = 19,          // shift to the right of the product with the gain
  parameter TREE = 1,            // adder stages of a beat's squares, eight to one each: ceil(log8 of a group's lanes), at least 1
  parameter GAIN_WORDS = 8,      // beats after which the gains repeat
  parameter VALUE_BITS = 19,     // bits of a table word's value, signed, the lower part of the word
  parameter SLOPE_BITS = 12,     // bits of its slope, the next value less this one, signed, the upper part
  parameter GAIN = "",           // image of the gains: a word a beat, V of 20 bits, signed
  parameter RSQRT = ""           // image of the table of 1/sqrt(x), 192 words: value, slope above
) (
`ifdef HW_LAYERS
  input [LW-1:0] layer,          // which of them the token is in, from 0
`endif
  input clk,                     // clock: registers change at its rising edge
  input rst,                     // reset: synchronous, active high
  input in_valid,                // a beat is on in_data
  input [V*IB-1:0] in_data,      // V elements of IB bits, signed, lane 0 lowest
  output reg out_valid,          // a beat is on out_data
  output reg [V*OB-1:0] out_data, // V elements of OB bits, signed, lane 0 lowest
  output reg ovf                 // with out_valid: an element of the beat was too large for OB bits and was clamped
);
  `HW_REQUIRE(LEN % GROUPS == 0, hw_rms_norm_needs_groups_of_one_size)
  `HW_REQUIRE(QB < 128, hw_rms_norm_takes_sums_of_up_to_127_bits)
  localparam BEATS = (LEN + V - 1) / V;
  localparam M = LEN / GROUPS;
  localparam BW = $clog2(BEATS + 1);
  localparam GW = $clog2(GROUPS + 1);
  localparam AW = (GAIN_WORDS > 1) ? $clog2(GAIN_WORDS) : 1;
  localparam TB = VALUE_BITS + SLOPE_BITS;
  localparam SEG = (GROUPS == 1 || M >= V) ? V : M; // lanes of one group in a beat
  localparam PARTS = V / SEG;
  localparam XB = IB + VALUE_BITS;
  localparam LB = $clog2(QB + 2);
  localparam XD = `HW_DIGITS(IB);
  localparam YD = `HW_DIGITS(VALUE_BITS);
  localparam GD = `HW_DIGITS(20);
  `HW_BITLEN(bitlen, QB, LB)
  `HW_DIGIT(digit_x, IB)
  `HW_DIGIT(digit_y, VALUE_BITS)
  `HW_DIGIT(digit_gain, 20)
  `HW_CUT(round_y, 53, SHIFT, OB)

  // Input: store, square, sum.
  reg [BW-1:0] count;
  reg [TREE+2:1] v, last;        // v[1]: products with each digit stand; v[2]: squares; v[TREE + 2]: their sums
  reg signed [IB-1:0] x1;
  reg signed [IB+9:0] part [0:V*XD-1];
  reg signed [2*IB-1:0] square;
  reg [QB-1:0] tree [0:(TREE+1)*V-1], sum;
  reg [(TREE+2)*BW-1:0] beat_of; // of every stage
  reg [BW-1:0] beat_in;
  reg [QB-1:0] q [0:GROUPS-1];
  // Reciprocal root: one group a cycle, five stages.
  reg run;
  reg [GW-1:0] group;
  reg [5*GW-1:0] group_of;        // of every stage
  wire [GW-1:0] group5 = group_of[4*GW +: GW];
  reg [5:1] n_at;
  reg [QB-1:0] q1;
  reg [LB-1:0] len1, even;
  reg [4*LB-1:0] half_of;         // of stages 2 to 5
  reg [QB+23:0] shifted;
  reg [23:0] mantissa;
  wire [7:0] index = mantissa[23:16] - 8'd64;
  wire [TB-1:0] word;
  reg [TB-1:0] word_q;
  reg [15:0] f3, f4;
  reg signed [VALUE_BITS+16-1:0] product;
  reg signed [VALUE_BITS-1:0] value;
  reg signed [VALUE_BITS-1:0] y [0:GROUPS-1];
  reg [LB-1:0] by [0:GROUPS-1];
  // Play. p[0]: a word is read; p[1]: factors stand; p[2]: products with each digit; p[3]: x Y; p[4]: u; p[5]: products.
  reg [BW-1:0] rd, at1;
  reg playing;
  reg [5:0] p;
  reg [AW-1:0] gain_at;
  wire [V*IB-1:0] x;
  wire [V*20-1:0] gain;
  reg signed [IB-1:0] x_q [0:V-1];
  reg signed [VALUE_BITS-1:0] y_q [0:V-1];
  reg [V*20-1:0] gain_q;
  reg signed [IB+9:0] xd [0:V*YD-1];
  reg signed [XB-1:0] xy [0:V-1], xy_sum;
  reg [LB-1:0] by1 [0:V-1], by2 [0:V-1], by3 [0:V-1];
  reg signed [XB+14:0] t;
  reg signed [31:0] u [0:V-1];
  reg signed [41:0] ud [0:V*GD-1];
  reg signed [52:0] ug;
  reg [OB:0] ry;
  reg [V*OB-1:0] out;
  reg clamped;
  integer l, g, n, i, j, to, from;
  wire start_play = n_at[5] && (group5 == GROUPS - 1);

  hw_sram #(.WIDTH(V*IB), .DEPTH(BEATS), .AW(BW)) store (
    .clk(clk), .we(in_valid), .waddr(count), .wdata(in_data), .re(start_play || playing), .raddr(rd), .rdata(x));
`ifdef HW_LAYERS
  hw_layer_rom #(.LAYERS(LAYERS), .LW(LW), .WIDTH(V*20), .DEPTH(GAIN_WORDS), .AW(AW), .FILE(GAIN)) gains (.clk(clk), .layer(layer), .en(p[2]), .addr(gain_at), .data(gain));
`else
  hw_rom #(.WIDTH(V*20), .DEPTH(GAIN_WORDS), .AW(AW), .FILE(GAIN)) gains (.clk(clk), .en(p[2]), .addr(gain_at), .data(gain));
`endif
  hw_rom #(.WIDTH(TB), .DEPTH(192), .AW(8), .FILE(RSQRT)) rsqrt (.clk(clk), .en(n_at[2]), .addr(index), .data(word));

  always @(posedge clk) begin
    v <= {v[TREE+1:1], in_valid};
    last <= {last[TREE+1:1], in_valid && count == BEATS - 1};
    beat_of <= {beat_of[(TREE+1)*BW-1:0], count};
    if (in_valid) count <= (count == BEATS - 1) ? 0 : count + 1;
    // Sum, round and give out.
    out_valid <= p[5];
    ovf <= 0;
    if (p[5]) begin
      clamped = 0;
      for (l = 0; l < V; l = l + 1) begin
        ug = `HW_HALF(SHIFT);
        for (j = 0; j < GD; j = j + 1) ug = ug + (ud[l*GD+j] <<< (9*j));
        ry = round_y(ug);
        clamped = clamped | ry[OB];
        out[l*OB +: OB] = ry[OB-1:0];
      end
      out_data <= out;
      ovf <= clamped;
    end
    if (p[4]) for (l = 0; l < V; l = l + 1)
      for (j = 0; j < GD; j = j + 1) ud[l*GD+j] = u[l] * digit_gain($signed(gain_q[l*20 +: 20]), j);
    if (p[3]) begin
      gain_q <= gain;
      for (l = 0; l < V; l = l + 1) begin
        t = $signed({xy[l], 15'd0}) >>> by3[l];
        u[l] = (t >>> 1) + (t[0] ? 1 : 0);
      end
    end
    if (p[2]) for (l = 0; l < V; l = l + 1) begin
      xy_sum = 0;
      for (j = 0; j < YD; j = j + 1) xy_sum = xy_sum + (xd[l*YD+j] <<< (9*j));
      xy[l] = xy_sum;
      by3[l] = by2[l];
    end
    if (p[1]) for (l = 0; l < V; l = l + 1) begin
      for (j = 0; j < YD; j = j + 1) xd[l*YD+j] = x_q[l] * digit_y(y_q[l], j);
      by2[l] = by1[l];
    end
    if (p[0]) for (l = 0; l < V; l = l + 1) begin
      g = (GROUPS == 1) ? 0 : (at1 * V + l) / M;
      if (g >= GROUPS) g = GROUPS - 1;
      x_q[l] = x[l*IB +: IB];
      y_q[l] = y[g];
      by1[l] = by[g];
    end
    p <= {p[4:0], start_play || playing};
    at1 <= rd;
    if (start_play || playing) begin
      rd <= (rd == BEATS - 1) ? 0 : rd + 1;
      playing <= rd != BEATS - 1;
    end
    if (p[2]) gain_at <= (gain_at == GAIN_WORDS - 1) ? 0 : gain_at + 1;
    if (start_play) gain_at <= 0;
    // 1 / sqrt(Q) of a group, last stage first. u = rsr(x Y, s / 2 - 14): one bit of fraction after 15 more bits and s / 2 to the right.
    if (n_at[5]) begin
      y[group5] = value + (product >>> 16) + (product[15] ? 1 : 0);
      by[group5] = half_of[3*LB +: LB];
    end
    if (n_at[4]) begin
      product <= $signed(word_q[VALUE_BITS +: SLOPE_BITS]) * $signed({1'b0, f4});
      value <= word_q[0 +: VALUE_BITS];
    end
    word_q <= word;
    f4 <= f3;
    f3 <= mantissa[15:0];
    if (n_at[1]) begin
      even = len1 + len1[0];
      shifted = {q1, 24'd0} >> even;
      mantissa <= shifted[23:0];
    end
    half_of <= {half_of[3*LB-1:0], 1'b0, even[LB-1:1]};
    group_of <= {group_of[4*GW-1:0], group};
    if (run) begin
      q1 <= q[group];
      len1 <= bitlen(q[group]);
      group <= group + 1;
      if (group == GROUPS - 1) run <= 0;
    end
    n_at <= {n_at[4:1], run};
    // Sum of squares, last stage first.
    if (v[TREE+2]) begin
      beat_in = beat_of[(TREE+1)*BW +: BW];
      for (i = 0; i < PARTS; i = i + 1) begin
        g = (GROUPS == 1) ? 0 : (beat_in * V + i * SEG) / M;
        if (g < GROUPS) q[g] = q[g] + tree[TREE*V+i*SEG];
      end
    end
    if (last[TREE+2]) begin
      run <= 1;
      group <= 0;
    end
    if (in_valid && count == 0) for (g = 0; g < GROUPS; g = g + 1) q[g] = EPSILON;
    for (n = TREE; n >= 1; n = n - 1)
      if (v[n+1])
        for (l = 0; l < PARTS; l = l + 1)
          for (i = 0; i < ((SEG + (1 << (3*n)) - 1) >> (3*n)); i = i + 1) begin
            to = n*V + l*SEG + i;
            from = (n-1)*V + l*SEG + 8*i;
            sum = 0;
            for (j = 0; j < 8; j = j + 1)
              if (8*i + j < ((SEG + (1 << (3*n-3)) - 1) >> (3*n-3))) sum = sum + tree[from+j];
            tree[to] = sum;
          end
    if (v[1]) for (l = 0; l < V; l = l + 1) begin
      square = 0;
      for (j = 0; j < XD; j = j + 1) square = square + (part[l*XD+j] <<< (9*j));
      tree[l] = square[2*IB-2:0];
    end
    if (in_valid) for (l = 0; l < V; l = l + 1) begin
      x1 = in_data[l*IB +: IB];
      for (j = 0; j < XD; j = j + 1) part[l*XD+j] = x1 * digit_x(x1, j);
    end
    if (rst) begin
      count <= 0; v <= 0; last <= 0;
      run <= 0; n_at <= 0;
      rd <= 0; playing <= 0; p <= 0;
      out_valid <= 0; ovf <= 0;
    end
  end
endmodule
