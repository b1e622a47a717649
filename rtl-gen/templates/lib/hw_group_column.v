// Group column (numerics, section 6): an output's products with a whole scale group of inputs each cycle, added by one tree, scaled, and
// accumulated over the groups. Nothing is multiplied before the sum: a code is a few digits, and a digit selects 0, a, -a or -2a.
//
// A group's codes in cycle c: sums of sixteen inputs each, as two numbers (c + 1), the group's sum (c + 2), its product with the scale
// (c + 3), the total (c + 4). `asum` is that of the group in c + 1. What a stage forms while it is not enabled does not matter and is left out, for
// a simulator has thousands of columns.
`include "hw_round.vh"
module hw_group_column #(
  parameter GROUP = 32,               // inputs of a scale group
  parameter CODE_BITS = 4,            // bits of a stored code: two a digit of -2 to 1, the highest first; an odd last one is 0 or 1
  parameter signed [15:0] CENTRE = 2, // codebook value of a code less the value of its digits
  parameter A = 12,                   // bits of an activation
  parameter AB = 17,                  // bits of a group's sum of activations
  parameter INNER = 21,               // bits of a group's sum of products
  parameter SCALE_BITS = 8,           // bits of a scale
  parameter OFFSET_BITS = 0,          // bits of an offset; 0 where there are none
  parameter OFB = 1,                  // width of the offset's port: OFFSET_BITS, at least 1
  parameter TOT = 30                  // bits of the total over all groups
) (
  input clk,                          // clock: registers change at its rising edge
  input sum_parts,                    // stage enables, a cycle apart: sums of sixteen,
  input sum_group,                    // the group's sum,
  input multiply,                     // its product with the scale,
  input accumulate,                   // the total,
  input first,                        // which begins anew with `accumulate`
  input shift,                        // the total becomes the next column's
  input [GROUP*CODE_BITS-1:0] codes,  // input 0 lowest
  input [SCALE_BITS-1:0] scale,       // with the codes
  input [OFB-1:0] offset,             // with the codes
  input [GROUP*A-1:0] a,              // activations, input 0 lowest, with the codes
  input signed [AB-1:0] asum,         // their sum, a cycle after them
  input [TOT-1:0] next_total,         // total of the next column
  output [TOT-1:0] total              // scaled sums of the groups so far
);
  // A chip has thousands of columns: Verilator keeps one text for all that are alike.
  /* verilator no_inline_module */
  localparam ODD = CODE_BITS % 2;
  localparam DIGITS = (CODE_BITS + 1) / 2;
  localparam PART = 16;               // inputs summed in one stage
  localparam PARTS = (GROUP + PART - 1) / PART;
  localparam TERMS = DIGITS * ((GROUP < PART) ? GROUP : PART);
  localparam PB = A + CODE_BITS + 4;  // bits of a sum of PART
  localparam NB = $clog2(GROUP + 1) + CODE_BITS; // bits of what completes the negations
  localparam SD = `HW_DIGITS(SCALE_BITS);
  localparam OD = `HW_DIGITS(OFB);
  `HW_DIGIT(digit_scale, SCALE_BITS)
  `HW_DIGIT(digit_offset, OFB)

  // Place of a digit: where the width is odd, the lowest has one bit.
  function integer place;
    input integer digit;
    place = (digit == 0) ? 0 : 2 * digit - ODD;
  endfunction

  // A digit times an activation, less one where it is negative, and 2^A more: an inverted sign bit makes it a number without sign.
  function [A:0] product;
    input [1:0] digit;
    input [A-1:0] x;
    begin
      case (digit)
        2'b00: product = 0;
        2'b01: product = {x[A-1], x};
        2'b10: product = ~{x, 1'b0};
        default: product = ~{x[A-1], x};
      endcase
      product[A] = ~product[A];
    end
  endfunction

  // What the inverted sign bits add to a group's sum.
  function [INNER-1:0] excess;
    input integer inputs;
    integer j;
    begin
      excess = 0;
      for (j = 0; j < DIGITS; j = j + 1) excess = excess + (inputs <<< (A + place(j)));
    end
  endfunction
  localparam [INNER-1:0] EXCESS = excess(GROUP);

  reg [PARTS*TERMS*PB-1:0] terms;
  wire [2*PARTS*PB-1:0] parts_d;
  reg [2*PARTS*PB-1:0] parts_q;       // two numbers a part
  reg [NB-1:0] negations_d, negations_q; // ones that negative digits still lack
  reg [INNER-1:0] group_d;
  reg signed [INNER-1:0] group_q;
  reg [SCALE_BITS-1:0] scale1_q, scale2_q;
  reg [OFB-1:0] offset1_q, offset2_q;
  reg signed [AB-1:0] asum_q;
  reg [SD*(INNER+10)-1:0] scaled_d, scaled_q;   // products with each digit of the scale
  reg [OD*(AB+10)-1:0] shifted_d, shifted_q;    // products of the activations' sum with each digit of the offset
  reg signed [TOT-1:0] total_d, total_q;
  assign total = total_q;

  reg [2*DIGITS-1:0] number;
  reg [PB-1:0] term;
  integer i, j;
  always @* begin
    negations_d = {NB{1'bx}};
    terms = {PARTS*TERMS*PB{1'bx}};
    number = {2*DIGITS{1'bx}};
    term = {PB{1'bx}};
    if (sum_parts) begin
      negations_d = 0;
      terms = 0;
      for (i = 0; i < GROUP; i = i + 1) begin
        number = codes[i*CODE_BITS +: CODE_BITS];
        // An odd lowest bit is a digit of its own, below it none.
        if (ODD != 0) number = {number[2*DIGITS-2:1], 1'b0, number[0]};
        for (j = 0; j < DIGITS; j = j + 1) begin
          term = product(number[2*j +: 2], a[i*A +: A]);
          terms[((i/PART)*TERMS+(i%PART)*DIGITS+j)*PB +: PB] = term << place(j);
          negations_d = negations_d + (number[2*j+1] << place(j));
        end
      end
    end
  end

  genvar p;
  generate
    for (p = 0; p < PARTS; p = p + 1) begin : part
      hw_compress #(.N(TERMS), .W(PB)) tree (
        .used(sum_parts), .terms(terms[p*TERMS*PB +: TERMS*PB]), .sum(parts_d[2*p*PB +: PB]), .carry(parts_d[(2*p+1)*PB +: PB]));
    end
  endgenerate

  reg signed [INNER-1:0] lifted;
  integer q;
  always @* begin
    lifted = {INNER{1'bx}};
    group_d = {INNER{1'bx}};
    if (sum_group) begin
      lifted = CENTRE * asum;
      group_d = lifted - EXCESS + negations_q;
      for (q = 0; q < 2 * PARTS; q = q + 1) group_d = group_d + parts_q[q*PB +: PB];
    end
  end

  integer s, o;
  always @* begin
    scaled_d = {SD*(INNER+10){1'bx}};
    shifted_d = {OD*(AB+10){1'bx}};
    if (multiply) begin
      for (s = 0; s < SD; s = s + 1)
        scaled_d[s*(INNER+10) +: INNER+10] = group_q * digit_scale($signed(scale2_q), s);
      for (o = 0; o < OD; o = o + 1)
        shifted_d[o*(AB+10) +: AB+10] = (OFFSET_BITS > 0) ? asum_q * digit_offset($signed(offset2_q), o) : 0;
    end
  end

  integer t;
  always @* begin
    total_d = {TOT{1'bx}};
    if (accumulate) begin
      total_d = first ? 0 : total_q;
      for (t = 0; t < SD; t = t + 1)
        total_d = total_d + ($signed(scaled_q[t*(INNER+10) +: INNER+10]) <<< (9 * t));
      if (OFFSET_BITS > 0) for (t = 0; t < OD; t = t + 1)
        total_d = total_d + ($signed(shifted_q[t*(AB+10) +: AB+10]) <<< (9 * t));
    end
    if (shift) total_d = next_total;
  end

  always @(posedge clk) begin
    if (sum_parts) begin
      parts_q <= parts_d;
      negations_q <= negations_d;
      scale1_q <= scale;
      offset1_q <= offset;
    end
    if (sum_group) begin
      group_q <= group_d;
      scale2_q <= scale1_q;
      offset2_q <= offset1_q;
      asum_q <= asum;
    end
    if (multiply) begin
      scaled_q <= scaled_d;
      shifted_q <= shifted_d;
    end
    if (accumulate || shift) total_q <= total_d;
  end
endmodule
