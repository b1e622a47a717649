// Multiply-select-add tile (numerics, section 6): a row a cycle, E totals a step. The steps come from hw_mvm_control as `ctl`.
`include "hw_round.vh"
`include "hw_check.vh"
`include "hw_mvm_steps.vh"
`include "hw_layers.vh"
module hw_mvm_tile #(
`ifdef HW_LAYERS
  parameter LAYERS = 1,          // layers that share the module, each with ROM of its own
  parameter LW = 1,              // bits of a layer's number
`endif
  parameter ROWS = 64,           // rows that hold weights
  parameter COLS = 64,           // columns: outputs of the tile
  parameter E = 8,               // outputs a step: lanes of a beat that this tile gives
  parameter STEPS = 8,           // steps of this tile: COLS / E
  parameter BLOCK = 0,           // number of its block of outputs
  parameter CODE_BITS = 4,       // bits of a code
  parameter FOLD = 1,            // 1: codes are sign-magnitude, the magnitude indexes half as many products; 0: a code indexes one of all products
  parameter VALUES = 8,          // products of the bank, which all columns share
  parameter VALUE_BITS = 5,      // bits of a factor, signed
  parameter [VALUES*VALUE_BITS-1:0] FACTORS = 0, // the factor of each product, product 0 lowest
  parameter signed [15:0] LIFT = 0, // with FOLD: group sums to add to a column's sum, for the centre that its codes leave out ...
  parameter HALVE = 0,           // ... after which it is halved so many times
  parameter DIGIT = 0,           // not 0: a code is its value less FIRST, a value two signed digits of so many bits, each of which selects a product
  parameter signed [15:0] FIRST = 0, // with DIGIT: the value of code 0
  parameter A = 12,              // bits of an activation
  parameter ACC = 21,            // bits of a column's sum as it is accumulated
  parameter INNER = 20,          // bits of the group's sum that it stands for
  parameter SCALE_BITS = 8,      // bits of a scale's mantissa, signed
  parameter OFFSET_BITS = 0,     // bits of an offset's mantissa, signed; 0: no offsets
  parameter AB = 17,             // bits of a group's activation sum
  parameter TOT = 30,            // bits of a total
  parameter RW = 6,              // bits of a row number
  parameter SW = 4,              // bits of a step number
  parameter CW = 5,              // bits of a scale address
  parameter KW = 1,              // bits of a block number
  parameter SCALE_WORDS = 16,    // words of the scale ROM: steps of all groups
  parameter CODES = "",          // image of the codes: a word a row, column 0 lowest
  parameter SCALES = ""          // image of the scales: a word a step, group by group; E records of scale and, above it, offset
) (
`ifdef HW_LAYERS
  input [LW-1:0] layer,          // which of them the token is in, from 0
`endif
  input clk,                     // clock: registers change at its rising edge
  input rst,                     // reset: synchronous, active high
  input [`HW_MVM_STEPS_BITS(RW, SW, CW, KW)-1:0] ctl, // the steps, laid out in hw_mvm_steps.vh
  input signed [A-1:0] a,        // the row's activation, signed
  input signed [AB-1:0] asum,    // the group's activation sum, signed; stands when its scan begins
  output [E*TOT-1:0] total       // E totals of TOT bits, signed, zero where the tile has none to give: the lanes of all blocks are joined by OR
);
  `HW_REQUIRE(COLS == E * STEPS, hw_mvm_tile_needs_COLS_to_be_E_times_STEPS)
  `HW_REQUIRE(FOLD == 0 || DIGIT == 0, hw_mvm_tile_takes_FOLD_or_DIGIT_not_both)
  `HW_REQUIRE(CODE_BITS >= 1 && CODE_BITS <= 8, hw_mvm_tile_takes_codes_of_1_to_8_bits)
  `HW_REQUIRE((1 << RW) >= ROWS, hw_mvm_tile_RW_is_too_small_for_ROWS)
  localparam D = (DIGIT > 0) ? DIGIT : 2;
  localparam PB = A + VALUE_BITS - 1;
  localparam LB = ((ACC > AB + 8) ? ACC : AB + 8) + 1;
  localparam REC = SCALE_BITS + OFFSET_BITS;
  localparam OFB = (OFFSET_BITS > 0) ? OFFSET_BITS : 1;
  localparam SD = `HW_DIGITS(SCALE_BITS);
  localparam OD = `HW_DIGITS(OFB);
  `HW_DIGIT(digit_scale, SCALE_BITS)
  `HW_DIGIT(digit_offset, OFB)
  wire row_valid, pick, add, add_end, scan, lift, mul, sum, acc_valid, acc_first, run;
  wire [RW-1:0] row;
  wire [SW-1:0] step, sum_step, acc_step, drain_step;
  wire [CW-1:0] at;
  wire [KW-1:0] block;
  assign `HW_MVM_STEPS = ctl;

  wire [COLS*CODE_BITS-1:0] codes;
  wire [E*REC-1:0] scales;
`ifdef HW_LAYERS
  hw_layer_rom #(.LAYERS(LAYERS), .LW(LW), .WIDTH(COLS*CODE_BITS), .DEPTH(ROWS), .AW(RW), .FILE(CODES)) code_rom (
    .clk(clk), .layer(layer), .en(row_valid && row < ROWS), .addr(row), .data(codes));
`else
  hw_rom #(.WIDTH(COLS*CODE_BITS), .DEPTH(ROWS), .AW(RW), .FILE(CODES)) code_rom (
    .clk(clk), .en(row_valid && row < ROWS), .addr(row), .data(codes));
`endif
`ifdef HW_LAYERS
  hw_layer_rom #(.LAYERS(LAYERS), .LW(LW), .WIDTH(E*REC), .DEPTH(SCALE_WORDS), .AW(CW), .FILE(SCALES)) scale_rom (.clk(clk), .layer(layer), .en(scan), .addr(at), .data(scales));
`else
  hw_rom #(.WIDTH(E*REC), .DEPTH(SCALE_WORDS), .AW(CW), .FILE(SCALES)) scale_rom (.clk(clk), .en(scan), .addr(at), .data(scales));
`endif

  reg signed [PB-1:0] bank [0:VALUES-1];
  reg signed [PB-1:0] picked [0:COLS-1];
  reg signed [ACC-1:0] acc [0:COLS-1];
  reg signed [ACC-1:0] shadow [0:COLS-1];
  reg negated [0:COLS-1];        // the selected product is inverted: the adder's carry completes its negation
  reg signed [PB-1:0] picked_up [0:COLS-1]; // by the upper digit
  reg negated_up [0:COLS-1];
  reg signed [ACC-1:0] next, addend;
  reg [PB-1:0] chosen;
  reg signed [ACC:0] sum_carry;
  reg signed [LB-1:0] lifted;
  reg [2*D:0] number;            // a code's value and, below it, the carry into the lower digit, which is none
  reg [D-2:0] size;
  reg minus, more;
  reg [CODE_BITS-1:0] code;
  reg signed [ACC-1:0] read [0:E-1];
  reg signed [INNER-1:0] m [0:E-1];
  reg signed [AB-1:0] asum_read, asum_m;
  reg [E*REC-1:0] scale_q;
  // Products with each digit of the scales and offsets.
  reg signed [INNER+9:0] product [0:E*SD-1];
  reg signed [AB+9:0] offset [0:E*OD-1];
  reg signed [TOT-1:0] s;
  reg [E*TOT-1:0] psum, psum_next;
  reg [E*TOT-1:0] live;
  wire [E*TOT-1:0] total_old;
  reg [E*TOT-1:0] total_next;
  integer c, e, j;

  always @(posedge clk) begin
    // The scan, last stage first.
    if (sum) begin
      for (e = 0; e < E; e = e + 1) begin
        s = 0;
        for (j = 0; j < SD; j = j + 1) s = s + (product[e*SD+j] <<< (9*j));
        if (OFFSET_BITS > 0) for (j = 0; j < OD; j = j + 1) s = s + (offset[e*OD+j] <<< (9*j));
        psum_next[e*TOT +: TOT] = s;
      end
      psum <= psum_next;
    end
    if (mul) for (e = 0; e < E; e = e + 1) begin
      for (j = 0; j < SD; j = j + 1) product[e*SD+j] = m[e] * digit_scale($signed(scale_q[e*REC +: SCALE_BITS]), j);
      if (OFFSET_BITS > 0)
        for (j = 0; j < OD; j = j + 1) offset[e*OD+j] = asum_m * digit_offset($signed(scale_q[e*REC+(REC-OFB) +: OFB]), j);
    end
    if (lift) begin
      asum_m <= asum_read;
      scale_q <= scales;
      for (e = 0; e < E; e = e + 1) begin
        lifted = read[e];
        if (LIFT != 0) lifted = (lifted + LIFT * asum_read) >>> HALVE;
        m[e] = lifted[INNER-1:0];
      end
    end
    if (scan) begin
      asum_read <= asum;
      if (step < STEPS) for (e = 0; e < E; e = e + 1) read[e] = shadow[step*E+e];
    end
    // Rows, last stage first. A group's end leaves the accumulators at zero.
    if (add || rst) for (c = 0; c < COLS; c = c + 1) begin
      if (DIGIT != 0)
        next = acc[c] + picked[c] + $signed({1'b0, negated[c]}) + (picked_up[c] <<< DIGIT) + ($signed({1'b0, negated_up[c]}) <<< DIGIT);
      else if (FOLD != 0) begin
        addend = picked[c];
        sum_carry = {acc[c], 1'b1} + {addend, negated[c]};
        next = sum_carry[ACC:1];
      end else next = acc[c] + picked[c];
      acc[c] = (add_end || rst) ? 0 : next;
      if (add_end) shadow[c] = next;
    end
    if (pick) begin
      if (DIGIT != 0) for (c = 0; c < COLS; c = c + 1) begin
        number = ($signed({1'b0, codes[c*CODE_BITS +: CODE_BITS]}) + FIRST) <<< 1;
        for (j = 0; j < 2; j = j + 1) begin
          // Two's complement with the bit below added: `size`, or one more.
          minus = number[D*j+D];
          size = number[D*j+1 +: D-1] ^ {(D-1){minus}};
          more = number[D*j] ^ minus;
          chosen = (more || size != 0) ? bank[more ? size : size - 1] ^ {PB{minus}} : {PB{minus}};
          if (j == 0) picked[c] = chosen; else picked_up[c] = chosen;
          if (j == 0) negated[c] = minus; else negated_up[c] = minus;
        end
      end
      else for (c = 0; c < COLS; c = c + 1) begin
        code = codes[c*CODE_BITS +: CODE_BITS];
        if (FOLD != 0) begin
          negated[c] = code[CODE_BITS-1];
          picked[c] = bank[code[CODE_BITS-2:0]] ^ {PB{code[CODE_BITS-1]}};
        end else picked[c] = bank[code];
      end
    end
    if (row_valid) begin
      for (c = 0; c < VALUES; c = c + 1) bank[c] = a * $signed(FACTORS[c*VALUE_BITS +: VALUE_BITS]);
    end
  end

  // Totals. The first block's leave as they are formed, the others' from memory. One block, not an assignment a lane: Verilator would join those
  // lane by lane in every cycle. The counter has a value in every case, or Yosys makes a latch of it.
  integer t;
  always @* begin
    t = 0;
    total_next = 0;
    if (acc_valid) for (t = 0; t < E; t = t + 1)
      total_next[t*TOT +: TOT] = (acc_first ? {TOT{1'b0}} : total_old[t*TOT +: TOT]) + psum[t*TOT +: TOT];
  end
  wire mine = run && block == BLOCK;
  hw_sram #(.WIDTH(E*TOT), .DEPTH(STEPS), .AW(SW)) totals (
    .clk(clk), .we(acc_valid && acc_step < STEPS), .waddr(acc_step), .wdata(total_next),
    .re((sum && sum_step < STEPS) || (BLOCK != 0 && mine)), .raddr(sum ? sum_step : drain_step), .rdata(total_old));
  generate
    if (BLOCK == 0) begin : first_block
      reg on;
      always @(posedge clk) begin
        on <= mine;
        if (mine || on) live <= mine ? total_next : 0;
        if (rst) live <= 0;
      end
      assign total = live;
    end else begin : other_block
      reg out;
      always @(posedge clk) out <= mine;
      assign total = out ? total_old : 0;
    end
  endgenerate
endmodule
