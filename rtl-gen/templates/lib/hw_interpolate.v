// Linear interpolation in a table: an argument's upper bits choose an entry, and the lower ones, a fraction, the part of the entry's slope that
// is added to its value, rounded half up. A result stands 2 + WORD_STAGE + RESULT_STAGE cycles after its argument.
module hw_interpolate #(
  parameter PORTS = 1,           // arguments that come together
  parameter INDEX_BITS = 8,      // upper bits of an argument: number of the entry
  parameter FRACTION_BITS = 8,   // lower bits of an argument
  parameter ENTRIES = 256,       // words of the table
  parameter VALUE_BITS = 21,     // bits of a word's value, signed, the lower part of the word
  parameter SLOPE_BITS = 16,     // bits of its slope, the next value less this one, signed, the upper part
  parameter WORD_STAGE = 0,      // 1: a word has a cycle of its own between the table and the product
  parameter RESULT_STAGE = 1,    // 1: results are registered and stand until the next; 0: they stand for one cycle
  parameter FILE = ""            // image of the table
) (
  input clk,                     // clock: registers change at its rising edge
  input in_valid,                // arguments are on `argument`
  input [PORTS*(INDEX_BITS+FRACTION_BITS)-1:0] argument, // an argument a port, unsigned, port 0 lowest
  output [PORTS*VALUE_BITS-1:0] value // the result of each port, signed
);
  localparam TB = VALUE_BITS + SLOPE_BITS;
  localparam XB = INDEX_BITS + FRACTION_BITS;
  localparam MB = SLOPE_BITS + FRACTION_BITS + 1; // bits of a product
  reg [WORD_STAGE+2:1] valid_q;
  reg [PORTS*FRACTION_BITS-1:0] fraction_q;
  reg [PORTS*MB-1:0] product_q;
  reg [PORTS*VALUE_BITS-1:0] base_q;
  wire [PORTS*TB-1:0] word;
  wire [PORTS*TB-1:0] factor_word;
  wire [PORTS*FRACTION_BITS-1:0] factor;
  wire multiply = valid_q[WORD_STAGE+1];

  // The entries' numbers side by side.
  function [PORTS*INDEX_BITS-1:0] indices;
    input [PORTS*XB-1:0] x;
    integer i;
    for (i = 0; i < PORTS; i = i + 1) indices[i*INDEX_BITS +: INDEX_BITS] = x[i*XB+FRACTION_BITS +: INDEX_BITS];
  endfunction

  hw_rom #(.WIDTH(TB), .DEPTH(ENTRIES), .AW(INDEX_BITS), .PORTS(PORTS), .FILE(FILE)) table_rom (
    .clk(clk), .en(in_valid), .addr(indices(argument)), .data(word));

  integer p;
  always @(posedge clk) begin
    valid_q <= {valid_q[WORD_STAGE+1:1], in_valid};
    if (multiply) for (p = 0; p < PORTS; p = p + 1) begin
      product_q[p*MB +: MB] <= $signed(factor_word[p*TB+VALUE_BITS +: SLOPE_BITS]) * $signed({1'b0, factor[p*FRACTION_BITS +: FRACTION_BITS]});
      base_q[p*VALUE_BITS +: VALUE_BITS] <= factor_word[p*TB +: VALUE_BITS];
    end
    if (in_valid) for (p = 0; p < PORTS; p = p + 1)
      fraction_q[p*FRACTION_BITS +: FRACTION_BITS] <= argument[p*XB +: FRACTION_BITS];
  end

  generate
    if (WORD_STAGE != 0) begin : staged
      reg [PORTS*TB-1:0] word_q;
      reg [PORTS*FRACTION_BITS-1:0] fraction2_q;
      always @(posedge clk) if (valid_q[1]) begin
        word_q <= word;
        fraction2_q <= fraction_q;
      end
      assign factor_word = word_q;
      assign factor = fraction2_q;
    end else begin : direct
      assign factor_word = word;
      assign factor = fraction_q;
    end
  endgenerate

  function [PORTS*VALUE_BITS-1:0] sums;
    input [PORTS*VALUE_BITS-1:0] base;
    input [PORTS*MB-1:0] product;
    reg signed [MB-1:0] share;
    integer i;
    for (i = 0; i < PORTS; i = i + 1) begin
      share = product[i*MB +: MB];
      sums[i*VALUE_BITS +: VALUE_BITS] =
        $signed(base[i*VALUE_BITS +: VALUE_BITS]) + (share >>> FRACTION_BITS) + $signed({1'b0, share[FRACTION_BITS-1]});
    end
  endfunction
  generate
    if (RESULT_STAGE != 0) begin : registered
      reg [PORTS*VALUE_BITS-1:0] value_q;
      always @(posedge clk) if (valid_q[WORD_STAGE+2]) value_q <= sums(base_q, product_q);
      assign value = value_q;
    end else begin : at_once
      assign value = sums(base_q, product_q);
    end
  endgenerate
endmodule
