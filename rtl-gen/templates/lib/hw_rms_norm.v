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
  output out_valid,              // a beat is on out_data
  output [V*OB-1:0] out_data,     // V elements of OB bits, signed, lane 0 lowest
  output ovf                     // with out_valid: an element of the beat was too large for OB bits and was clamped
);
  `HW_REQUIRE(LEN % GROUPS == 0, hw_rms_norm_needs_groups_of_one_size)
  `HW_REQUIRE(QB < 128, hw_rms_norm_takes_sums_of_up_to_127_bits)
  localparam BEATS = (LEN + V - 1) / V;
  localparam M = LEN / GROUPS;
  localparam BW = $clog2(BEATS + 1);
  localparam GW = $clog2(GROUPS + 1);
  localparam AW = (GAIN_WORDS > 1) ? $clog2(GAIN_WORDS) : 1;
  localparam SEG = (GROUPS == 1 || M >= V) ? V : M; // lanes of one group in a beat
  localparam PARTS = V / SEG;
  localparam XB = IB + VALUE_BITS;
  localparam LB = $clog2(QB + 2);
  localparam SP = `HW_PARTS(IB, IB);
  localparam RP = `HW_PARTS(IB, VALUE_BITS);
  localparam GP = `HW_PARTS(32, 20);
  `HW_BITLEN(bitlen, QB, LB)
  `HW_CUT(round, 53, SHIFT, OB)
  `HW_PRODUCTS(by_itself, IB, IB)
  `HW_PRODUCT_SUM(square_of, IB, IB, 2 * IB, 0)
  `HW_PRODUCTS(by_root, IB, VALUE_BITS)
  `HW_PRODUCT_SUM(quotient, IB, VALUE_BITS, XB, 0)
  `HW_PRODUCTS(by_gain, 32, 20)
  `HW_PRODUCT_SUM(result, 32, 20, 53, `HW_HALF(SHIFT))
  `HW_BEAT(results, V, OB, input [V*GP-1:0] products;, round(result(products[lane*GP +: GP])))
  // Group of lane `l` of beat `at`; of those past the end the last one.
  function [GW-1:0] group_of;
    input [BW-1:0] at;
    input integer l;
    integer group;
    begin
      group = (GROUPS == 1) ? 0 : (at * V + l) / M;
      group_of = (group >= GROUPS) ? GROUPS - 1 : group;
    end
  endfunction
  // The next even number.
  function [LB-1:0] even;
    input [LB-1:0] n;
    even = n + n[0];
  endfunction
  // A sum of squares, shifted so that its highest bits are the mantissa: 24 bits, the table's entry 64 above them.
  function [23:0] mantissa_of;
    input [QB-1:0] sum;
    input [LB-1:0] by;
    reg [QB+23:0] wide;
    begin
      wide = {sum, 24'd0} >> by;
      mantissa_of = wide[23:0];
    end
  endfunction
  // x Y, `by` and 15 more to the right, rounded half up.
  function signed [31:0] shifted;
    input signed [XB-1:0] x;
    input [LB-1:0] by;
    reg signed [XB+14:0] t;
    begin
      t = $signed({x, 15'd0}) >>> by;
      shifted = (t >>> 1) + $signed({1'b0, t[0]});
    end
  endfunction

  // Input: store, square, sum.
  reg [BW-1:0] count_q;          // beat that comes next
  reg [TREE+2:1] valid_q, last_q; // beats in the stages: products with each digit; squares; their sums
  wire [TREE+2:0] valid = {valid_q, in_valid};
  reg [(TREE+2)*BW-1:0] at_q;    // their numbers, stage 1 lowest
  wire [BW-1:0] summed_at = at_q[(TREE+1)*BW +: BW];
  reg [V*SP-1:0] part_q;
  reg [V*2*IB-1:0] square_q;
  wire [PARTS*QB-1:0] part_sums;
  reg [GROUPS*QB-1:0] sum_q;     // of squares, and epsilon, of every group
  // Reciprocal roots, a group a cycle.
  reg run_q;
  reg [GW-1:0] group_q;
  reg [5:1] root_q;              // groups in the stages: sum; mantissa; word read; word; slope's product
  reg [5*GW-1:0] root_group_q;   // their numbers, stage 1 lowest
  wire [GW-1:0] rooted = root_group_q[4*GW +: GW];
  reg [QB-1:0] root_sum_q;
  reg [LB-1:0] length_q;         // bits of the sum
  reg [4*LB-1:0] half_q;         // half of it, rounded up, of stages 2 to 5
  reg [23:0] mantissa_q;
  wire [7:0] entry = mantissa_q[23:16] - 8'd64;
  wire [VALUE_BITS-1:0] table_value;
  reg [GROUPS*VALUE_BITS-1:0] root_value_q; // of every group: its reciprocal root ...
  reg [GROUPS*LB-1:0] root_shift_q;         // ... and the shift to the right that goes with it
  // Play: the vector once more.
  reg [BW-1:0] read_q, read1_q;  // beat that is read; that has been
  reg playing_q;
  reg [5:0] play_q;              // beats in the stages: read; factors; products with each digit; x Y; shifted; products with each digit
  reg [AW-1:0] gain_at_q;
  reg [V*IB-1:0] x_q;
  reg [V*VALUE_BITS-1:0] factor_q;
  reg [V*LB-1:0] shift_q;
  wire [V*LB-1:0] shift3;        // of stage 3
  reg [V*RP-1:0] digits_q;
  reg [V*XB-1:0] quotient_q;
  reg [V*32-1:0] shifted_q;
  reg [V*20-1:0] gain_q;
  reg [V*GP-1:0] product_q;
  reg out_valid_q, ovf_q;
  reg [V*OB-1:0] out_data_q;
  wire [V*IB-1:0] x;
  wire [V*20-1:0] gain;
  wire start_play = root_q[5] && (rooted == GROUPS - 1);
  wire play = start_play || playing_q;
  assign out_valid = out_valid_q;
  assign out_data = out_data_q;
  assign ovf = ovf_q;
  hw_sram #(.WIDTH(V*IB), .DEPTH(BEATS), .AW(BW)) store (
    .clk(clk), .we(in_valid), .waddr(count_q), .wdata(in_data), .re(play), .raddr(read_q), .rdata(x));
`ifdef HW_LAYERS
  hw_layer_rom #(.LAYERS(LAYERS), .LW(LW), .WIDTH(V*20), .DEPTH(GAIN_WORDS), .AW(AW), .FILE(GAIN)) gains (.clk(clk), .layer(layer), .en(play_q[2]), .addr(gain_at_q), .data(gain));
`else
  hw_rom #(.WIDTH(V*20), .DEPTH(GAIN_WORDS), .AW(AW), .FILE(GAIN)) gains (.clk(clk), .en(play_q[2]), .addr(gain_at_q), .data(gain));
`endif
  hw_interpolate #(
    .INDEX_BITS(8), .FRACTION_BITS(16), .ENTRIES(192), .VALUE_BITS(VALUE_BITS), .SLOPE_BITS(SLOPE_BITS), .WORD_STAGE(1), .RESULT_STAGE(0), .FILE(RSQRT)
  ) rsqrt (.clk(clk), .in_valid(root_q[2]), .argument({entry, mantissa_q[15:0]}), .value(table_value));
  hw_tree #(.TREES(PARTS), .TERMS(SEG), .STAGES(TREE), .IB(2*IB), .OB(QB)) tree (
    .clk(clk), .enable(valid[TREE+1:2]), .terms(square_q), .sums(part_sums));
  hw_delay #(.WIDTH(V*LB), .STAGES(2)) delay (.clk(clk), .enable(play_q[2:1]), .in_data(shift_q), .out_data(shift3));

  integer l, g;
  always @(posedge clk) begin
    // Play, last stage first.
    out_valid_q <= play_q[5];
    ovf_q <= 0;
    if (play_q[5]) {ovf_q, out_data_q} <= results(product_q);
    if (play_q[4]) for (l = 0; l < V; l = l + 1)
      product_q[l*GP +: GP] <= by_gain($signed(shifted_q[l*32 +: 32]), $signed(gain_q[l*20 +: 20]));
    if (play_q[3]) begin
      gain_q <= gain;
      for (l = 0; l < V; l = l + 1) shifted_q[l*32 +: 32] <= shifted($signed(quotient_q[l*XB +: XB]), shift3[l*LB +: LB]);
    end
    if (play_q[2]) for (l = 0; l < V; l = l + 1) quotient_q[l*XB +: XB] <= quotient(digits_q[l*RP +: RP]);
    if (play_q[1]) for (l = 0; l < V; l = l + 1)
      digits_q[l*RP +: RP] <= by_root($signed(x_q[l*IB +: IB]), $signed(factor_q[l*VALUE_BITS +: VALUE_BITS]));
    if (play_q[0]) begin
      x_q <= x;
      for (l = 0; l < V; l = l + 1) begin
        factor_q[l*VALUE_BITS +: VALUE_BITS] <= root_value_q[group_of(read1_q, l)*VALUE_BITS +: VALUE_BITS];
        shift_q[l*LB +: LB] <= root_shift_q[group_of(read1_q, l)*LB +: LB];
      end
    end
    gain_at_q <= (start_play || (play_q[2] && gain_at_q == GAIN_WORDS - 1)) ? 0 : play_q[2] ? gain_at_q + 1 : gain_at_q;
    play_q <= {play_q[4:0], play};
    read1_q <= read_q;
    if (play) begin
      read_q <= (read_q == BEATS - 1) ? 0 : read_q + 1;
      playing_q <= read_q != BEATS - 1;
    end
    // 1 / sqrt(Q) of a group, last stage first. u = rsr(x Y, s / 2 - 14): one bit of fraction after 15 more bits and s / 2 to the right.
    if (root_q[5]) for (g = 0; g < GROUPS; g = g + 1) if (rooted == g) begin
      root_value_q[g*VALUE_BITS +: VALUE_BITS] <= table_value;
      root_shift_q[g*LB +: LB] <= half_q[3*LB +: LB];
    end
    half_q <= {half_q[3*LB-1:0], even(length_q) >> 1};
    if (root_q[1]) mantissa_q <= mantissa_of(root_sum_q, even(length_q));
    if (run_q) begin
      root_sum_q <= sum_q[group_q*QB +: QB];
      length_q <= bitlen(sum_q[group_q*QB +: QB]);
      group_q <= group_q + 1;
      if (group_q == GROUPS - 1) run_q <= 0;
    end
    root_q <= {root_q[4:1], run_q};
    root_group_q <= {root_group_q[4*GW-1:0], group_q};
    // Sums of squares, last stage first.
    if (valid[TREE+2]) for (g = 0; g < GROUPS; g = g + 1) if (GROUPS == 1 || (summed_at * V + (g % PARTS) * SEG) / M == g)
      sum_q[g*QB +: QB] <= sum_q[g*QB +: QB] + part_sums[(g%PARTS)*QB +: QB];
    if (last_q[TREE+2]) begin
      run_q <= 1;
      group_q <= 0;
    end
    if (in_valid && count_q == 0) for (g = 0; g < GROUPS; g = g + 1) sum_q[g*QB +: QB] <= EPSILON;
    if (valid[1]) for (l = 0; l < V; l = l + 1) square_q[l*2*IB +: 2*IB] <= square_of(part_q[l*SP +: SP]);
    if (in_valid) for (l = 0; l < V; l = l + 1)
      part_q[l*SP +: SP] <= by_itself($signed(in_data[l*IB +: IB]), $signed(in_data[l*IB +: IB]));
    valid_q <= valid[TREE+1:0];
    last_q <= {last_q[TREE+1:1], in_valid && count_q == BEATS - 1};
    at_q <= {at_q[(TREE+1)*BW-1:0], count_q};
    if (in_valid) count_q <= (count_q == BEATS - 1) ? 0 : count_q + 1;
    if (rst) begin
      count_q <= 0; valid_q <= 0; last_q <= 0; run_q <= 0; root_q <= 0; read_q <= 0; playing_q <= 0; play_q <= 0;
      out_valid_q <= 0; ovf_q <= 0;
    end
  end
endmodule
