// Token intake: counts the positions of every user and starts the embedding. A token past the context, with an id past the vocabulary
// or of a user that does not exist is taken and dropped: it changes nothing but its sticky flag.
`include "hw_check.vh"
module hw_intake #(
  parameter USERS = 1,           // users that are told apart
  parameter CONTEXT = 512,       // positions a user has
  parameter VOCAB = 2,           // ids there are
  parameter IDW = 1,             // bits of an id
  parameter UW = 1,              // bits of a user number
  parameter POSW = 10            // bits of a position
) (
  input clk,                     // clock: registers change at its rising edge
  input rst,                     // reset: synchronous, active high
  input valid,                   // a token is offered
  output ready,                  // it is taken in this cycle
  input [IDW-1:0] id,            // its id in the vocabulary
  input [UW-1:0] user,           // number of its user
  input first,                   // the user starts again at position 0
  input want,                    // an output is wanted for this token
  input idle,                    // the embedding and the station after it are free
  output start,                  // the token is accepted in this cycle
  output [POSW-1:0] pos,         // its position, from 0
  output [UW+POSW:0] header,     // of the token in the embedding: want, user, position, the position lowest
  output context_full,           // a token came past the context and was dropped; stays until reset
  output bad_token               // a token of no such id or user was dropped; stays until reset
);
  `HW_REQUIRE((1 << POSW) > CONTEXT, hw_intake_POSW_is_too_small_for_CONTEXT)
  `HW_REQUIRE((1 << UW) >= USERS, hw_intake_UW_is_too_small_for_USERS)
  `HW_REQUIRE((1 << IDW) >= VOCAB, hw_intake_IDW_is_too_small_for_VOCAB)
  reg [USERS*POSW-1:0] next_pos_q, next_pos_d; // the position of each user's next token
  reg [UW+POSW:0] header_q, header_d;
  reg context_full_q, context_full_d;
  reg bad_token_q, bad_token_d;
  wire known = {1'b0, id} < VOCAB && {1'b0, user} < USERS;
  wire taken = valid && idle && known;
  assign pos = first ? 0 : next_pos_q[user*POSW +: POSW];
  assign ready = idle;
  assign start = taken && pos < CONTEXT;
  assign header = header_q;
  assign context_full = context_full_q;
  assign bad_token = bad_token_q;

  always @* begin
    next_pos_d = next_pos_q;
    header_d = header_q;
    context_full_d = context_full_q || (taken && pos >= CONTEXT);
    bad_token_d = bad_token_q || (valid && idle && !known);
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
      bad_token_q <= 0;
    end else begin
      next_pos_q <= next_pos_d;
      context_full_q <= context_full_d;
      bad_token_q <= bad_token_d;
    end
  end
endmodule
