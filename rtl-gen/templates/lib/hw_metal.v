// Metal embedding of one matrix (numerics, section 6): every weight a wire into a tree of adders. A plane of bits a cycle; for each output
// and scale group the values of the weights whose bit is one are summed, and the accumulator doubles and adds. V outputs a cycle then pass
// their scales. The last plane in cycle c, the first beat of totals on `totals` in c + 5 + LEVELS.
`include "hw_round.vh"
`include "hw_check.vh"
module hw_metal #(
  parameter INPUTS = 64,         // inputs of the matrix
  parameter OUTPUTS = 64,        // outputs of the matrix
  parameter V = 8,               // lanes: elements a beat
  parameter BEATS = 8,           // beats of its outputs: OUTPUTS / V, rounded up
  parameter GROUP = 64,          // inputs that share a scale
  parameter GROUPS = 1,          // groups of inputs, each with a scale of its own
  parameter LEAF = 32,           // inputs that a tree adds in its first cycle
  parameter RADIX = 8,           // sums that it adds into one in each cycle after that
  parameter LEAVES = 1,          // leaves of the tree of one output and group: GROUP / LEAF, rounded up
  parameter LEVELS = 0,          // cycles after the leaves: ceil(log_RADIX LEAVES)
  parameter CODE_BITS = 4,       // bits of a code
  parameter VALUE_BITS = 5,      // bits of a value's signed digits
  parameter [(1<<CODE_BITS)*VALUE_BITS-1:0] PLUS = 0, // of each code: the digits of its value that are 1, code 0 lowest
  parameter [(1<<CODE_BITS)*VALUE_BITS-1:0] MINUS = 0, // of each code: the digits of its value that are -1
  parameter ACC = 20,            // bits of a group's sum
  parameter SCALE_BITS = 8,      // bits of a scale's mantissa, signed
  parameter TOT = 30,            // bits of a total
  parameter WIRES = "",          // image of the wiring: an output a word, the codes of its weights, input 0 lowest
  parameter SCALES = ""          // image of the scales: a word a beat, group j, lane l at j * V + l
) (
  input clk,                     // clock: registers change at its rising edge
  input rst,                     // reset: synchronous, active high
  input plane_valid,             // a plane is on the ports
  input plane_first,             // it is that of the signs
  input plane_last,              // it is that of the lowest bits
  input [INPUTS-1:0] plane,      // one bit of every input, input 0 lowest
  output reg drain,              // a beat of totals is on `totals`
  output reg [GROUPS*V*TOT-1:0] totals // group j, lane l at j * V + l, TOT bits, signed
);
  `HW_REQUIRE(GROUP * GROUPS >= INPUTS, hw_metal_GROUPS_do_not_hold_INPUTS)
  `HW_REQUIRE(LEAF * LEAVES >= GROUP, hw_metal_LEAVES_do_not_hold_GROUP)
  `HW_REQUIRE(BEATS * V >= OUTPUTS, hw_metal_BEATS_do_not_hold_OUTPUTS)
  localparam BW = $clog2(BEATS + 1);
  localparam TREES = OUTPUTS * GROUPS;
  localparam LB = VALUE_BITS + $clog2(LEAF); // bits of a leaf
  localparam SD = `HW_DIGITS(SCALE_BITS);
  `HW_DIGIT(digit_scale, SCALE_BITS)

  reg [INPUTS*CODE_BITS-1:0] wires [0:OUTPUTS-1];
  `HW_IMAGE(WIRES, wires)

  reg [LEVELS+1:1] on, neg, last;
  wire [LEVELS+1:0] v = {on, plane_valid}, first = {neg, plane_first}, ends = {last, plane_last};
  reg [INPUTS*CODE_BITS-1:0] row;
  reg signed [ACC-1:0] part [0:(LEVELS+1)*TREES*LEAVES-1];
  reg signed [ACC-1:0] acc [0:TREES-1];
  reg signed [ACC-1:0] s;
  reg [LB-1:0] leaf;
  reg signed [ACC-1:0] inverted;
  reg [VALUE_BITS-1:0] plus, minus;
  reg [CODE_BITS-1:0] code;
  reg signed [ACC-1:0] m [0:GROUPS*V-1];
  reg [GROUPS*V*SCALE_BITS-1:0] scale_q;
  reg signed [ACC+9:0] product [0:GROUPS*V*SD-1];
  reg signed [TOT-1:0] sum;
  reg [GROUPS*V*TOT-1:0] sums;
  reg run, read, scaled;
  reg [BW-1:0] beat;
  wire [BW-1:0] beat_next = (beat == BEATS - 1) ? 0 : beat + 1;
  wire [GROUPS*V*SCALE_BITS-1:0] scales;
  integer n, g, j, i, k, t, l;
  hw_rom #(.WIDTH(GROUPS*V*SCALE_BITS), .DEPTH(BEATS), .AW(BW), .FILE(SCALES)) scale_rom (
    .clk(clk), .en(ends[LEVELS+1] || run), .addr(run ? beat_next : beat), .data(scales));

  always @(posedge clk) begin
    on <= v[LEVELS:0];
    neg <= first[LEVELS:0];
    last <= ends[LEVELS:0];
    // Outputs, last stage first.
    drain <= scaled;
    scaled <= read;
    read <= run;
    if (scaled) begin
      for (l = 0; l < GROUPS * V; l = l + 1) begin
        sum = 0;
        for (i = 0; i < SD; i = i + 1) sum = sum + (product[l*SD+i] <<< (9*i));
        sums[l*TOT +: TOT] = sum;
      end
      totals <= sums;
    end
    if (read) for (l = 0; l < GROUPS * V; l = l + 1)
      for (i = 0; i < SD; i = i + 1) product[l*SD+i] = m[l] * digit_scale($signed(scale_q[l*SCALE_BITS +: SCALE_BITS]), i);
    if (run) begin
      scale_q <= scales;
      for (l = 0; l < V; l = l + 1) for (g = 0; g < GROUPS; g = g + 1)
        m[g*V+l] = (beat * V + l < OUTPUTS) ? acc[(beat*V+l)*GROUPS+g] : 0;
      beat <= beat_next;
      if (beat == BEATS - 1) run <= 0;
    end
    if (ends[LEVELS+1]) run <= 1;
    // Planes, last stage first.
    // A digit of -1 has added the inverted bit, which is one too much in every plane, minus one in all: the last plane makes up for it.
    if (v[LEVELS+1]) for (n = 0; n < OUTPUTS; n = n + 1) begin
      row = wires[n];
      for (g = 0; g < GROUPS; g = g + 1) begin
        inverted = 0;
        if (ends[LEVELS+1]) for (k = g * GROUP; k < (g + 1) * GROUP && k < INPUTS; k = k + 1) begin
          code = row[k*CODE_BITS +: CODE_BITS];
          inverted = inverted + $signed({1'b0, MINUS[code*VALUE_BITS +: VALUE_BITS]});
        end
        t = n * GROUPS + g;
        s = part[(LEVELS*TREES+t)*LEAVES];
        acc[t] = (first[LEVELS+1] ? 0 : 2 * acc[t]) + (first[LEVELS+1] ? ~s : s) + (first[LEVELS+1] ? 1 : inverted);
      end
    end
    for (n = LEVELS; n >= 1; n = n - 1)
      if (v[n]) for (t = 0; t < TREES; t = t + 1)
        for (j = 0; j < (LEAVES + RADIX**n - 1) / RADIX**n; j = j + 1) begin
          s = 0;
          for (i = 0; i < RADIX; i = i + 1)
            if (j * RADIX + i < (LEAVES + RADIX**(n-1) - 1) / RADIX**(n-1)) s = s + part[((n-1)*TREES+t)*LEAVES+j*RADIX+i];
          part[(n*TREES+t)*LEAVES+j] = s;
        end
    if (plane_valid) for (n = 0; n < OUTPUTS; n = n + 1) begin
      row = wires[n];
      for (g = 0; g < GROUPS; g = g + 1) for (j = 0; j < LEAVES; j = j + 1) begin
        // A digit of -1 adds the inverted bit: only wires and inverters enter.
        leaf = 0;
        for (i = 0; i < LEAF; i = i + 1) begin
          k = g * GROUP + j * LEAF + i;
          if (j * LEAF + i < GROUP && k < INPUTS) begin
            code = row[k*CODE_BITS +: CODE_BITS];
            plus = PLUS[code*VALUE_BITS +: VALUE_BITS];
            minus = MINUS[code*VALUE_BITS +: VALUE_BITS];
            leaf = leaf + (({VALUE_BITS{plane[k]}} & plus) | ({VALUE_BITS{~plane[k]}} & minus));
          end
        end
        part[(n*GROUPS+g)*LEAVES+j] = $signed({1'b0, leaf});
      end
    end
    if (rst) begin
      on <= 0; neg <= 0; last <= 0; run <= 0; read <= 0; scaled <= 0; drain <= 0; beat <= 0;
    end
  end
endmodule
