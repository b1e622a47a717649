// Adder trees side by side: RADIX terms to one a stage, every stage a register.
module hw_tree #(
  parameter TREES = 1,           // trees, that is sums that come together
  parameter TERMS = 8,           // terms of each
  parameter STAGES = 1,          // ceil(log_RADIX TERMS), or more; 0: a term is its own sum
  parameter RADIX = 8,           // terms that are added into one in a stage
  parameter IB = 16,             // bits of a term, signed
  parameter OB = 20,             // bits of a sum, signed; of every stage's
  parameter signed [63:0] START = 0 // what is added in the last stage: a rounding constant
) (
  input clk,                     // clock: registers change at its rising edge
  input [((STAGES>0)?STAGES:1)-1:0] enable, // bit n: stage n adds in this cycle what stands before it
  input [TREES*TERMS*IB-1:0] terms, // term i of tree t at t * TERMS + i
  output [TREES*OB-1:0] sums     // tree 0 lowest
);
  genvar n;
  generate
    if (STAGES == 0) begin : single
      assign sums = terms;
    end else begin : several
      for (n = 0; n < STAGES; n = n + 1) begin : stage
        localparam FROM = (TERMS + RADIX**n - 1) / RADIX**n;
        localparam TO = (TERMS + RADIX**(n+1) - 1) / RADIX**(n+1);
        localparam WB = (n == 0) ? IB : OB;
        reg [TREES*TO*OB-1:0] sums_q;
        wire [TREES*FROM*WB-1:0] taken;
        if (n == 0) begin : first
          assign taken = terms;
        end else begin : later
          assign taken = stage[n-1].sums_q;
        end
        function [TREES*TO*OB-1:0] level;
          input [TREES*FROM*WB-1:0] of;
          integer tree, to, j;
          reg signed [OB-1:0] sum;
          for (tree = 0; tree < TREES; tree = tree + 1)
            for (to = 0; to < TO; to = to + 1) begin
              sum = (n == STAGES - 1) ? START : 0;
              for (j = 0; j < RADIX; j = j + 1)
                if (to * RADIX + j < FROM) sum = sum + $signed(of[(tree*FROM+to*RADIX+j)*WB +: WB]);
              level[(tree*TO+to)*OB +: OB] = sum;
            end
        endfunction
        always @(posedge clk) if (enable[n]) sums_q <= level(taken);
      end
      assign sums = stage[STAGES-1].sums_q;
    end
  endgenerate
endmodule
