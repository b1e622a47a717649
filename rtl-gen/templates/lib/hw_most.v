// The greatest score of every head in a word of P positions, LEVELS cycles after the scores: four to one a stage. Positions whose mask
// is 0 do not count; a word has one that does.
module hw_most #(
  parameter HEADS = 8,           // query heads
  parameter P = 1,               // cached positions read a cycle
  parameter LEVELS = 0           // stages, four to one each: ceil(log4 P)
) (
  input clk,                     // clock: registers change at its rising edge
  input rst,                     // reset: synchronous, active high
  input in_valid,                // a word of scores is on `score`
  input [P-1:0] mask,            // position lane i counts; one at least does
  input [HEADS*P*32-1:0] score,  // head h, position lane i at h * P + i, 32 bits, signed
  output out_valid,              // the result of a word is on `best`
  output [HEADS*32-1:0] best     // the greatest score of each head, 32 bits, signed
);
  localparam signed [31:0] LEAST = 32'sh80000000; // in the place of a score that does not count
  // The greatest of four, two pairs first.
  function signed [31:0] greatest;
    input signed [31:0] a, b, c, d;
    reg signed [31:0] low, high;
    begin
      low = (b > a) ? b : a;
      high = (d > c) ? d : c;
      greatest = (high > low) ? high : low;
    end
  endfunction
  genvar n;
  generate
    if (LEVELS == 0) begin : single
      assign out_valid = in_valid;
      assign best = score;
    end else begin : several
      reg [LEVELS:1] valid_q;
      wire [LEVELS:0] valid = {valid_q, in_valid};
      assign out_valid = valid[LEVELS];
      always @(posedge clk) valid_q <= rst ? 0 : valid[LEVELS-1:0];
      for (n = 0; n < LEVELS; n = n + 1) begin : stage
        localparam FROM = (P + 4**n - 1) / 4**n;
        localparam TO = (P + 4**(n+1) - 1) / 4**(n+1);
        reg [HEADS*TO*32-1:0] best_q; // what is left of a word's positions, head by head
        wire [HEADS*FROM*32-1:0] taken;
        if (n == 0) begin : first
          assign taken = score;
        end else begin : later
          assign taken = stage[n-1].best_q;
        end
        // Where there is no fourth, the first again.
        function [HEADS*TO*32-1:0] left;
          input [HEADS*FROM*32-1:0] of;
          input [P-1:0] counts;
          reg [4*32-1:0] four;
          integer h, i, j, at;
          for (h = 0; h < HEADS; h = h + 1)
            for (i = 0; i < TO; i = i + 1) begin
              for (j = 0; j < 4; j = j + 1) begin
                at = (4 * i + j < FROM) ? 4 * i + j : 4 * i;
                four[j*32 +: 32] = (n > 0 || counts[at]) ? of[(h*FROM+at)*32 +: 32] : LEAST;
              end
              left[(h*TO+i)*32 +: 32] = greatest(four[0 +: 32], four[32 +: 32], four[64 +: 32], four[96 +: 32]);
            end
        endfunction
        always @(posedge clk) if (valid[n]) best_q <= left(taken, mask);
      end
      assign best = stage[LEVELS-1].best_q;
    end
  endgenerate
endmodule
