// Token intake: counts the positions of every user and starts the embedding. A token past the context is dropped.
`include "hw_check.vh"
module hw_intake #(
  parameter USERS = 1,           // users that are told apart
  parameter CONTEXT = 512,       // positions a user has
  parameter UW = 1,              // bits of a user number
  parameter POSW = 10            // bits of a position
) (
  input clk,                     // clock: registers change at its rising edge
  input rst,                     // reset: synchronous, active high
  input valid,                   // a token is offered
  output ready,                  // it is taken in this cycle
  input [UW-1:0] user,           // number of its user
  input first,                   // the user starts again at position 0
  input want,                    // an output is wanted for this token
  input idle,                    // the embedding and the station after it are free
  output start,                  // the token is accepted in this cycle
  output [POSW-1:0] pos,         // its position, from 0
  output [UW+POSW:0] header,     // of the token in the embedding: want, user, position, the position lowest
  output context_full            // a token came past the context and was dropped; stays until reset
);
  `HW_REQUIRE((1 << POSW) > CONTEXT, hw_intake_POSW_is_too_small_for_CONTEXT)
  `HW_REQUIRE((1 << UW) >= USERS, hw_intake_UW_is_too_small_for_USERS)
  reg [USERS*POSW-1:0] next_pos_q, next_pos_d; // the position of each user's next token
  reg [UW+POSW:0] header_q, header_d;
  reg context_full_q, context_full_d;
  assign pos = first ? 0 : next_pos_q[user*POSW +: POSW];
  assign ready = idle;
  assign start = valid && idle && pos < CONTEXT;
  assign header = header_q;
  assign context_full = context_full_q;

  always @* begin
    next_pos_d = next_pos_q;
    header_d = header_q;
    context_full_d = context_full_q || (valid && idle && pos >= CONTEXT);
    if (start) begin
      next_pos_d[user*POSW +: POSW] = pos + 1;
      header_d = {want, user, pos};
    end
  end

  always @(posedge clk) begin
    header_q <= header_d;
    if (rst) begin
      next_pos_q <= 0;
      context_full_q <= 0;
    end else begin
      next_pos_q <= next_pos_d;
      context_full_q <= context_full_d;
    end
  end
endmodule
