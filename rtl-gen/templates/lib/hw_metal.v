// Metal embedding of one matrix (numerics, section 6): every weight a wire into a tree of adders. A plane of bits a cycle; for each output
// and scale group the values of the weights whose bit is one are summed, and the accumulator doubles and adds. V outputs a cycle then pass
// their scales. The last plane in cycle c, the first beat of totals on `totals` in c + 4 + LEVELS.
module hw_metal #(
  parameter INPUTS = 64,
  parameter OUTPUTS = 64,
  parameter V = 8,
  parameter BEATS = 8,           // of outputs
  parameter GROUP = 64,          // inputs that share a scale
  parameter GROUPS = 1,
  parameter LEAF = 128,          // inputs added in one cycle
  parameter RADIX = 8,           // sums added in one cycle after that
  parameter LEAVES = 1,          // of one output and group
  parameter LEVELS = 0,          // stages after the leaves
  parameter CODE_BITS = 4,
  parameter VALUE_BITS = 5,
  parameter [(1<<CODE_BITS)*VALUE_BITS-1:0] UNITS = 0, // of each code: the signed power of two in its value
  parameter PARTS = 1,                                 // odd parts of the values
  parameter [(1<<CODE_BITS)*8-1:0] PART_OF = 0,        // of each code: which odd part
  parameter [PARTS*8-1:0] ODDS = 1,                    // the odd parts
  parameter ACC = 20,
  parameter SCALE_BITS = 8,
  parameter TOT = 30,
  parameter WIRES = "",          // an output a word: the codes of its weights, input 0 lowest
  parameter SCALES = ""          // a beat a word: group j, lane l at j * V + l
) (
  input clk,
  input rst,
  input plane_valid,
  input plane_first,
  input plane_last,
  input [INPUTS-1:0] plane,
  output reg drain,
  output reg [GROUPS*V*TOT-1:0] totals
);
  localparam BW = $clog2(BEATS + 1);
  localparam TREES = OUTPUTS * GROUPS;

  reg [INPUTS*CODE_BITS-1:0] wires [0:OUTPUTS-1];
  initial $readmemh(WIRES, wires);

  reg [LEVELS+1:1] on, neg, last;
  wire [LEVELS+1:0] v = {on, plane_valid}, first = {neg, plane_first}, ends = {last, plane_last};
  reg [INPUTS*CODE_BITS-1:0] row;
  reg signed [ACC-1:0] part [0:(LEVELS+1)*TREES*LEAVES-1];
  reg signed [ACC-1:0] acc [0:TREES-1];
  reg signed [ACC-1:0] s;
  reg signed [VALUE_BITS-1:0] value;
  reg signed [ACC-1:0] counted [0:PARTS-1];
  reg [CODE_BITS-1:0] code;
  reg signed [ACC-1:0] m [0:GROUPS*V-1];
  reg signed [TOT-1:0] product;
  reg [GROUPS*V*TOT-1:0] products;
  reg run, read;
  reg [BW-1:0] beat;
  wire [GROUPS*V*SCALE_BITS-1:0] scales;
  integer n, g, j, i, k, t, l, p;
  hw_rom #(.WIDTH(GROUPS*V*SCALE_BITS), .DEPTH(BEATS), .AW(BW), .FILE(SCALES)) scale_rom (.clk(clk), .en(run), .addr(beat), .data(scales));

  always @(posedge clk) begin
    on <= v[LEVELS:0];
    neg <= first[LEVELS:0];
    last <= ends[LEVELS:0];
    // Outputs, last stage first.
    drain <= read;
    read <= run;
    if (read) begin
      for (l = 0; l < GROUPS * V; l = l + 1) begin
        product = m[l] * $signed(scales[l*SCALE_BITS +: SCALE_BITS]);
        products[l*TOT +: TOT] = product;
      end
      totals <= products;
    end
    if (run) begin
      for (l = 0; l < V; l = l + 1) for (g = 0; g < GROUPS; g = g + 1)
        m[g*V+l] = (beat * V + l < OUTPUTS) ? acc[(beat*V+l)*GROUPS+g] : 0;
      beat <= (beat == BEATS - 1) ? 0 : beat + 1;
      if (beat == BEATS - 1) run <= 0;
    end
    if (ends[LEVELS+1]) run <= 1;
    // Planes, last stage first.
    if (v[LEVELS+1]) for (t = 0; t < TREES; t = t + 1) begin
      s = part[(LEVELS*TREES+t)*LEAVES];
      acc[t] = first[LEVELS+1] ? -s : 2 * acc[t] + s;
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
        // The ones of every odd part are counted apart, each times its power of two; then a product for each part.
        for (p = 0; p < PARTS; p = p + 1) counted[p] = 0;
        for (i = 0; i < LEAF; i = i + 1) begin
          k = g * GROUP + j * LEAF + i;
          if (j * LEAF + i < GROUP && k < INPUTS) begin
            code = row[k*CODE_BITS +: CODE_BITS];
            value = plane[k] ? UNITS[code*VALUE_BITS +: VALUE_BITS] : 0;
            counted[PART_OF[code*8 +: 8]] = counted[PART_OF[code*8 +: 8]] + value;
          end
        end
        s = 0;
        for (p = 0; p < PARTS; p = p + 1) s = s + counted[p] * $signed({1'b0, ODDS[p*8 +: 8]});
        part[(n*GROUPS+g)*LEAVES+j] = s;
      end
    end
    if (rst) begin
      on <= 0; neg <= 0; last <= 0; run <= 0; read <= 0; drain <= 0; beat <= 0;
    end
  end
endmodule
