// Tile of group columns (see hw_group_column): one ROM, whose word holds a scale group of every column, and the columns that read it.
// Totals leave E a cycle, each column taking the total of the one E further: the tiles of a band are one chain.
`include "hw_layers.vh"
module hw_group_tile #(
`ifdef HW_LAYERS
  parameter LAYERS = 1,               // layers that share the module, each with ROM of its own
  parameter LW = 1,                   // bits of a layer's number
`endif
  parameter GROUP = 32,               // inputs of a scale group: those of a cycle
  parameter WORDS = 8,                // groups of this tile
  parameter COLS = 8,                 // columns: outputs
  parameter E = 8,                    // columns whose totals leave in one cycle; divides COLS
  parameter CODE_BITS = 4,            // bits of a stored code
  parameter signed [15:0] CENTRE = 2, // codebook value of a code less the value of its digits
  parameter A = 12,                   // bits of an activation
  parameter AB = 17,                  // bits of a group's sum of activations
  parameter INNER = 21,               // bits of a group's sum of products
  parameter SCALE_BITS = 8,           // bits of a scale
  parameter OFFSET_BITS = 0,          // bits of an offset; 0 where there are none
  parameter TOT = 30,                 // bits of the total over all groups
  parameter WW = 3,                   // bits of a word number
  parameter CONTENTS = ""             // ROM image: a word a group, a record a column: codes, scale above them, offset above it
) (
`ifdef HW_LAYERS
  input [LW-1:0] layer,               // which of them the token is in, from 0
`endif
  input clk,                          // clock: registers change at its rising edge
  input word_valid,                   // a group of inputs is on `a` in the next cycle
  input [WW-1:0] word,                // its number
  input take,                         // stages, a cycle apart: the group and its codes are taken,
  input sum_parts,                    // the sums of four inputs,
  input sum_group,                    // the groups' sums,
  input multiply,                     // their products with the scales,
  input accumulate,                   // the totals,
  input first,                        // which begin anew with `accumulate`
  input shift,                        // totals become those of the columns E further
  input [GROUP*A-1:0] a,              // activations of the group, input 0 lowest
  input signed [AB-1:0] asum,         // their sum, two cycles after them
  input [E*TOT-1:0] next_totals,      // of the tile after this one in its chain
  output [E*TOT-1:0] totals           // of the first E columns
);
  localparam CODES = GROUP * CODE_BITS;
  localparam RECORD = CODES + SCALE_BITS + OFFSET_BITS;
  localparam OFB = (OFFSET_BITS > 0) ? OFFSET_BITS : 1;

  wire [COLS*RECORD-1:0] records;
`ifdef HW_LAYERS
  hw_layer_rom #(.LAYERS(LAYERS), .LW(LW), .WIDTH(COLS*RECORD), .DEPTH(WORDS), .AW(WW), .FILE(CONTENTS)) contents (
    .clk(clk), .layer(layer), .en(word_valid && word < WORDS), .addr(word), .data(records));
`else
  hw_rom #(.WIDTH(COLS*RECORD), .DEPTH(WORDS), .AW(WW), .FILE(CONTENTS)) contents (
    .clk(clk), .en(word_valid && word < WORDS), .addr(word), .data(records));
`endif

  reg [GROUP*A-1:0] a_q;
  reg [COLS*RECORD-1:0] records_q;
  always @(posedge clk) if (take) begin
    a_q <= a;
    records_q <= records;
  end

  // Totals of all columns, and behind them those of the next tile.
  wire [(COLS+E)*TOT-1:0] chain;
  assign chain[COLS*TOT +: E*TOT] = next_totals;
  assign totals = chain[E*TOT-1:0];
  genvar c;
  generate
    for (c = 0; c < COLS; c = c + 1) begin : column
      wire [RECORD-1:0] record = records_q[c*RECORD +: RECORD];
      wire [OFB-1:0] offset;
      if (OFFSET_BITS > 0) begin : offsets
        assign offset = record[RECORD-1 -: OFB];
      end else begin : no_offsets
        assign offset = 0;
      end
      hw_group_column #(
        .GROUP(GROUP), .CODE_BITS(CODE_BITS), .CENTRE(CENTRE), .A(A), .AB(AB), .INNER(INNER), .SCALE_BITS(SCALE_BITS),
        .OFFSET_BITS(OFFSET_BITS), .OFB(OFB), .TOT(TOT)
      ) sums (
        .clk(clk), .sum_parts(sum_parts), .sum_group(sum_group), .multiply(multiply), .accumulate(accumulate), .first(first),
        .shift(shift), .codes(record[CODES-1:0]), .scale(record[CODES +: SCALE_BITS]), .offset(offset), .a(a_q), .asum(asum),
        .next_total(chain[(c+E)*TOT +: TOT]), .total(chain[c*TOT +: TOT]));
    end
  endgenerate
endmodule
