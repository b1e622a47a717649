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
  // Candidate j of entry i of head h in stage n; where there is none, the first again.
  function integer at;
    input integer n, h, i, j;
    at = ((n-1)*HEADS+h)*P + 4*i + ((4*i + j < ((P + (1 << (2*n-2)) - 1) >> (2*n-2))) ? j : 0);
  endfunction
  generate
    if (LEVELS == 0) begin : single
      assign out_valid = in_valid;
      assign best = score;
    end else begin : several
      reg [LEVELS:1] v_q;
      wire [LEVELS:0] v = {v_q, in_valid};
      assign out_valid = v[LEVELS];
      // x[(n * HEADS + h) * P + i]: candidate i of head h after n stages.
      reg signed [31:0] x [0:(LEVELS+1)*HEADS*P-1];
      reg signed [31:0] high, low;
      integer n, i, j;
      reg [HEADS*32-1:0] last, last_next;
      assign best = last;
      always @(posedge clk) begin
        v_q <= v[LEVELS-1:0];
        for (n = LEVELS; n >= 1; n = n - 1)
          if (v[n-1]) begin
            if (n == 1) for (i = 0; i < HEADS*P; i = i + 1) x[i] = mask[i%P] ? $signed(score[i*32 +: 32]) : 32'sh80000000;
            for (j = 0; j < HEADS; j = j + 1)
              for (i = 0; i < ((P + (1 << (2*n)) - 1) >> (2*n)); i = i + 1) begin
                // The greater of two pairs.
                low = (x[at(n, j, i, 1)] > x[at(n, j, i, 0)]) ? x[at(n, j, i, 1)] : x[at(n, j, i, 0)];
                high = (x[at(n, j, i, 3)] > x[at(n, j, i, 2)]) ? x[at(n, j, i, 3)] : x[at(n, j, i, 2)];
                x[(n*HEADS+j)*P+i] = (high > low) ? high : low;
                if (n == LEVELS) last_next[j*32 +: 32] = x[(n*HEADS+j)*P];
              end
            if (n == LEVELS) last <= last_next;
          end
        if (rst) v_q <= 0;
      end
    end
  endgenerate
endmodule
