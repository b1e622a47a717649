// Conductor of a matrix in group columns: the stages of all its tiles, and the beats in which their totals leave.
// The last group's activations in cycle c, the first beat of totals in c + 5.
module hw_group_control #(
  parameter BEATS = 8,                // beats of outputs
  parameter WW = 3                    // bits of a word number
) (
  input clk,                          // clock: registers change at its rising edge
  input rst,                          // synchronous; all tokens are forgotten
  input word_valid,                   // a group of inputs comes in the next cycle
  input [WW-1:0] word,                // its number
  input word_last,                    // it is the vector's last
  output take,                        // stages, a cycle apart: a group and its codes are taken,
  output sum_parts,                   // sums of sixteen inputs,
  output sum_group,                   // sums of the group,
  output multiply,                    // products with the scales,
  output accumulate,                  // totals,
  output first,                       // which begin anew with `accumulate`
  output drain                        // a beat of totals stands on the tiles' outputs, and the chains shift
);
  localparam BW = $clog2(BEATS + 1);
  reg [5:1] valid_q, first_q, last_q; // by cycles since the word's number came
  reg drain_q, drain_d;
  reg [BW-1:0] beat_q, beat_d;
  assign {accumulate, multiply, sum_group, sum_parts, take} = valid_q;
  assign first = first_q[5];
  assign drain = drain_q;

  always @* begin
    drain_d = last_q[5] || (drain_q && beat_q != BEATS - 1);
    beat_d = drain_q ? beat_q + 1 : 0;
  end

  always @(posedge clk) begin
    valid_q <= {valid_q[4:1], word_valid};
    first_q <= {first_q[4:1], word == 0};
    last_q <= {last_q[4:1], word_valid && word_last};
    drain_q <= drain_d;
    beat_q <= beat_d;
    if (rst) begin
      valid_q <= 0; last_q <= 0; drain_q <= 0; beat_q <= 0;
    end
  end
endmodule
